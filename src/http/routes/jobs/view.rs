//! Jobs and what belongs to them, as the API shows them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::openapi::{
    DesiredSchema, ErrorKindSchema, JobSpecSchema, JobStatusSchema, PointSchema, RunStatusSchema, Time,
};
use crate::spec::report;
use crate::store::{self, Desired, JobStatus, RunStatus};

/// A training job.
#[derive(Serialize, ToSchema)]
#[schema(as = Job)]
pub(crate) struct JobView {
    pub(crate) id: Uuid,
    #[schema(example = "mnist-cnn")]
    pub(crate) name: String,
    #[schema(value_type = JobStatusSchema)]
    pub(crate) status: JobStatus,
    /// What was asked of the job and has not happened yet.
    #[schema(required, value_type = Option<DesiredSchema>)]
    pub(crate) desired: Option<Desired>,
    /// Greater goes first.
    #[schema(minimum = -1000, maximum = 1000)]
    pub(crate) priority: i32,
    pub(crate) labels: BTreeMap<String, String>,
    /// Words of the user's own about the job.
    pub(crate) notes: String,
    /// The canonical spec: every default written out, the data set's version pinned, the seed drawn.
    #[schema(value_type = JobSpecSchema)]
    pub(crate) spec: Arc<Value>,
    /// Whether the same spec on the same machine gives the same bytes; `null` until the device is known.
    #[schema(required)]
    pub(crate) deterministic: Option<bool>,
    pub(crate) created_at: Time,
    /// When training first began.
    #[schema(required)]
    pub(crate) started_at: Option<Time>,
    #[schema(required)]
    pub(crate) finished_at: Option<Time>,
    /// How many jobs go first, from 1; `null` unless the job is queued.
    #[schema(required)]
    pub(crate) queue_position: Option<u64>,
    pub(crate) progress: ProgressView,
    /// The latest value of each series; `null` where it is not finite.
    #[schema(value_type = BTreeMap<String, Option<f64>>)]
    pub(crate) metrics: Map<String, Value>,
    pub(crate) runs: Vec<RunView>,
    /// The model version that the job made; the first one by name where it made several.
    #[schema(required)]
    pub(crate) model: Option<MadeModel>,
    /// What the job found out, where its method's result is no model: numbers by name; `null` until then.
    #[schema(required, value_type = Option<BTreeMap<String, Option<f64>>>)]
    pub(crate) result: Option<Map<String, Value>>,
    #[schema(required)]
    pub(crate) error: Option<ErrorView>,
}

impl From<store::Job> for JobView {
    fn from(job: store::Job) -> Self {
        Self {
            id: job.id.0,
            name: job.name,
            status: job.status,
            desired: job.desired,
            priority: job.priority,
            labels: job.labels,
            notes: job.notes,
            spec: job.spec,
            deterministic: job.deterministic,
            created_at: Time(job.created_at),
            started_at: job.started_at.map(Time),
            finished_at: job.finished_at.map(Time),
            queue_position: job.queue_position,
            progress: job.progress.into(),
            metrics: job.metrics,
            runs: job.runs.into_iter().map(RunView::from).collect(),
            model: job.model.map(|model| MadeModel { name: model.name, version: model.version }),
            result: job.result,
            error: job.error.map(ErrorView::from),
        }
    }
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
#[schema(as = Progress)]
pub(crate) struct ProgressView {
    /// Epochs begun, from 1; 0 before the first.
    pub(crate) epoch: u64,
    pub(crate) epochs: u64,
    pub(crate) step: u64,
    pub(crate) steps: u64,
    #[schema(minimum = 0, maximum = 1)]
    pub(crate) fraction: f64,
    /// Seconds to go, once that can be told.
    #[schema(required)]
    pub(crate) eta_seconds: Option<f64>,
    pub(crate) examples_per_second: f64,
}

impl From<report::Progress> for ProgressView {
    fn from(progress: report::Progress) -> Self {
        Self {
            epoch: progress.epoch,
            epochs: progress.epochs,
            step: progress.step,
            steps: progress.steps,
            fraction: progress.fraction,
            eta_seconds: progress.eta_seconds,
            examples_per_second: progress.examples_per_second,
        }
    }
}

/// One attempt at a job.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
pub(crate) struct RunView {
    pub(crate) id: Uuid,
    /// From 1.
    pub(crate) attempt: u32,
    #[schema(value_type = RunStatusSchema)]
    pub(crate) status: RunStatus,
    /// Where it computes.
    #[schema(example = "cpu")]
    pub(crate) device: String,
    /// The step that it began at, once that is known; 0 for a fresh start.
    #[schema(required)]
    pub(crate) from_step: Option<u64>,
    /// When training began, without waiting and setting up.
    #[schema(required)]
    pub(crate) started_at: Option<Time>,
    /// When training ended.
    #[schema(required)]
    pub(crate) finished_at: Option<Time>,
    #[schema(required)]
    pub(crate) error: Option<ErrorView>,
}

impl From<store::Run> for RunView {
    fn from(run: store::Run) -> Self {
        Self {
            id: run.id.0,
            attempt: run.attempt,
            status: run.status,
            device: run.device,
            from_step: run.from_step,
            started_at: run.started_at.map(Time),
            finished_at: run.finished_at.map(Time),
            error: run.error.map(ErrorView::from),
        }
    }
}

/// Why a job or a run failed.
#[derive(Serialize, ToSchema)]
#[schema(as = RunError)]
pub(crate) struct ErrorView {
    #[schema(value_type = ErrorKindSchema)]
    pub(crate) kind: report::ErrorKind,
    #[schema(example = "the loss became NaN at step 118")]
    pub(crate) detail: String,
    /// What to do about it.
    #[schema(required)]
    pub(crate) hint: Option<String>,
}

impl From<report::RunError> for ErrorView {
    fn from(error: report::RunError) -> Self {
        Self { kind: error.kind, detail: error.detail, hint: error.hint }
    }
}

/// A version of a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeModel {
    #[schema(example = "mnist-cnn")]
    pub(crate) name: String,
    #[schema(example = 3)]
    pub(crate) version: u32,
}

/// A metric of a job over its steps.
#[derive(Serialize, ToSchema)]
pub(crate) struct Series {
    #[schema(example = "val_loss")]
    pub(crate) name: String,
    /// The run of the latest points.
    pub(crate) run: Uuid,
    /// Step, epoch (examples seen over examples in an epoch), time, and value (`null` where it is not finite).
    #[schema(value_type = Vec<PointSchema>)]
    pub(crate) points: Vec<(u64, f64, Time, Option<f64>)>,
}

impl From<store::Series> for Series {
    fn from(series: store::Series) -> Self {
        let point = |point: report::Point| {
            (point.step, point.epoch, Time(point.time), point.value.is_finite().then_some(point.value))
        };
        Self { name: series.name, run: series.run.0, points: series.points.into_iter().map(point).collect() }
    }
}

/// The series of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeriesList {
    pub(crate) data: Vec<Series>,
}

/// A checkpoint of a run.
#[derive(Serialize, ToSchema)]
#[schema(as = Checkpoint)]
pub(crate) struct CheckpointView {
    pub(crate) run: Uuid,
    pub(crate) step: u64,
    /// Examples seen over examples in an epoch.
    pub(crate) epoch: f64,
    pub(crate) bytes: u64,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(crate) sha256: String,
    pub(crate) created_at: Time,
}

impl From<store::Checkpoint> for CheckpointView {
    fn from(checkpoint: store::Checkpoint) -> Self {
        Self {
            run: checkpoint.run.0,
            step: checkpoint.step,
            epoch: checkpoint.epoch,
            bytes: checkpoint.bytes,
            sha256: checkpoint.sha256,
            created_at: Time(checkpoint.created_at),
        }
    }
}

/// A file that a run made.
#[derive(Serialize, ToSchema)]
#[schema(as = Artifact)]
pub(crate) struct ArtifactView {
    #[schema(example = "confusion_matrix.csv")]
    pub(crate) name: String,
    pub(crate) run: Uuid,
    #[schema(example = "text/csv")]
    pub(crate) media_type: String,
    pub(crate) bytes: u64,
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(crate) sha256: String,
    pub(crate) created_at: Time,
    /// Where its bytes are.
    pub(crate) url: String,
}

impl ArtifactView {
    pub(crate) fn new(job: store::JobId, artifact: store::Artifact) -> Self {
        Self {
            url: format!("/v1/jobs/{job}/artifacts/{}", crate::http::page::path_segment(&artifact.name)),
            name: artifact.name,
            run: artifact.run.0,
            media_type: artifact.media_type,
            bytes: artifact.bytes,
            sha256: artifact.sha256,
            created_at: Time(artifact.created_at),
        }
    }
}
