//! What the store answers: the rows, in the words of the API.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{JobId, RunId};
use crate::spec::dataset::DatasetSchema;
use crate::spec::report::{Fingerprint, Progress, RunError};

crate::choices! {
    /// Where a job stands.
    #[derive(sqlx::Type)]
    #[sqlx(rename_all = "snake_case")]
    pub enum JobStatus {
        Queued = "queued",
        Running = "running",
        Paused = "paused",
        Retrying = "retrying",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl JobStatus {
    /// Whether it never changes again.
    pub fn terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether it stands in the queue.
    pub fn waiting(self) -> bool {
        matches!(self, Self::Queued | Self::Retrying)
    }
}

crate::choices! {
    /// What was asked of a job and has not happened yet.
    #[derive(sqlx::Type)]
    #[sqlx(rename_all = "snake_case")]
    pub enum Desired {
        Cancelled = "cancelled",
        Paused = "paused",
    }
}

crate::choices! {
    /// Where a run stands.
    #[derive(sqlx::Type)]
    #[sqlx(rename_all = "snake_case")]
    pub enum RunStatus {
        /// Claimed; no report has come yet.
        Starting = "starting",
        Running = "running",
        Succeeded = "succeeded",
        Failed = "failed",
        Cancelled = "cancelled",
        /// Ended behind a checkpoint, to go on later.
        Stopped = "stopped",
        /// Its process is gone without a word.
        Lost = "lost",
    }
}

impl RunStatus {
    pub fn ended(self) -> bool {
        !matches!(self, Self::Starting | Self::Running)
    }
}

crate::choices! {
    /// What an event tells of.
    #[derive(sqlx::Type)]
    #[sqlx(rename_all = "snake_case")]
    pub enum EventKind {
        Status = "status",
        Progress = "progress",
        Metrics = "metrics",
        Checkpoint = "checkpoint",
        Resumed = "resumed",
        Log = "log",
        End = "end",
    }
}

/// A job as it stands. Times are microseconds since the Unix epoch here and in every row.
#[derive(Clone, Debug)]
pub struct Job {
    pub id: JobId,
    pub name: String,
    pub status: JobStatus,
    pub desired: Option<Desired>,
    pub priority: i32,
    pub labels: BTreeMap<String, String>,
    pub notes: String,
    /// The canonical spec.
    pub spec: Arc<Value>,
    pub threads: u32,
    pub memory_mb: u64,
    /// As asked: `auto`, `cpu`, `cuda`, `cuda:N`.
    pub device: String,
    /// What `auto` became when the job first started; else as asked.
    pub resolved_device: Option<String>,
    /// Known once the device is.
    pub deterministic: Option<bool>,
    pub max_attempts: u32,
    /// The newest run's number, which fences off older ones; 0 before the first.
    pub attempt: u32,
    /// Runs that were lost or crashed.
    pub failures: u32,
    pub progress: Progress,
    /// The latest value of each series, in the order of their first points; `null` where it is not finite.
    pub metrics: Map<String, Value>,
    pub error: Option<RunError>,
    /// What the job found out, where its method's result is no model.
    pub result: Option<Map<String, Value>>,
    pub model_name: String,
    /// The first model version that the job made.
    pub model: Option<ModelRef>,
    /// From 1, while it waits.
    pub queue_position: Option<u64>,
    pub runs: Vec<Run>,
    pub created_at: i64,
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
}

/// A model version by name and number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    pub name: String,
    pub version: u32,
}

/// One execution attempt of a job.
#[derive(Clone, Debug)]
pub struct Run {
    pub id: RunId,
    pub job: JobId,
    pub attempt: u32,
    pub status: RunStatus,
    pub process: Option<Process>,
    /// The number of the last batch of reports that was applied.
    pub last_seq: u64,
    pub from_step: Option<u64>,
    /// What was granted at the claim (`cpu`, `cuda:0`), then what the run says.
    pub device: String,
    pub threads: Option<u32>,
    pub fingerprint: Option<Fingerprint>,
    pub error: Option<RunError>,
    pub claimed_at: i64,
    /// The first report; with `finished_at` the training alone.
    pub started_at: Option<i64>,
    pub finished_at: Option<i64>,
    /// The last applied batch.
    pub heard_at: i64,
}

/// What names a child process for good on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub pid: i32,
    /// Clock ticks since boot, from `/proc/<pid>/stat`.
    pub start_time: u64,
    pub boot_id: String,
}

/// Something that happened to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// One growing number for the whole server.
    pub id: i64,
    pub job: JobId,
    pub kind: EventKind,
    /// JSON.
    pub data: Arc<str>,
    pub time: i64,
}

/// A kept state of training.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub run: RunId,
    pub attempt: u32,
    pub step: u64,
    pub epoch: f64,
    pub key: String,
    pub sha256: String,
    pub bytes: u64,
    pub created_at: i64,
}

/// Any other file that a run made.
#[derive(Clone, Debug)]
pub struct Artifact {
    pub run: RunId,
    pub attempt: u32,
    pub name: String,
    pub media_type: String,
    pub key: String,
    pub sha256: String,
    pub bytes: u64,
    pub created_at: i64,
}

/// A version of a data set.
#[derive(Clone, Debug)]
pub struct DatasetVersion {
    /// With its name and version.
    pub schema: DatasetSchema,
    /// Of bytes, format, hints and reader.
    pub digest: String,
    /// What the upload said beside the bytes, such as types of columns.
    pub hints: Value,
    /// The prefix of its canonical form among the artifacts.
    pub key: String,
    pub created_at: i64,
}

/// A model name with what it holds.
#[derive(Clone, Debug)]
pub struct Model {
    pub name: String,
    pub created_at: i64,
    /// Newest first.
    pub versions: Vec<ModelVersion>,
    /// In alphabetical order, `latest` included.
    pub aliases: BTreeMap<String, u32>,
}

/// A version of a model.
#[derive(Clone, Debug)]
pub struct ModelVersion {
    pub name: String,
    pub version: u32,
    /// The job that made it, which may be deleted by now.
    pub job: JobId,
    pub run: RunId,
    /// Which of the job's models; empty where its method makes one.
    pub output: String,
    /// The prefix of its files among the artifacts.
    pub key: String,
    /// Of the weights.
    pub sha256: String,
    pub bytes: u64,
    /// Final metrics; `null` where a value is not finite.
    pub metrics: Map<String, Value>,
    /// The job's canonical spec.
    pub spec: Value,
    /// Aliases that point here, `latest` included.
    pub aliases: Vec<String>,
    pub created_at: i64,
}

/// A page of a list, newest first.
#[derive(Clone, Debug)]
pub struct Page<T, C> {
    pub data: Vec<T>,
    /// Where the next page begins; none behind the last.
    pub next: Option<C>,
}

/// An answer that is kept for its idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// Headers that belong to it, such as `location`.
    pub headers: Vec<(String, String)>,
    pub body: String,
}
