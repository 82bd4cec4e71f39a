//! The runner protocol: what the server and a worker say to each other, as JSON over HTTP on a Unix socket.
//!
//! | call | says | answers |
//! |---|---|---|
//! | `POST /runner/v1/next` | a worker is free | an [`Assignment`], when there is one; 204: end |
//! | `POST /runner/v1/runs/{run}/reports` | a [`Batch`] | an [`Answer`] |
//! | `POST /runner/v1/runs/{run}/heartbeat` | a [`Heartbeat`] | an [`Answer`], as soon as it is another than the one that the worker knows, or after the time between two signs of life |
//!
//! The first is made with the worker's own token, the others with the run's. 401: the token is not the run's.
//! 410: this attempt is over, whatever the worker still does; it ends. 422: a report tells of a file that is not the
//! attempt's own, or of a number that no run comes to. A batch that was applied already is answered like the first time.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::spec::report::{Control, Report};

pub(crate) const NEXT: &str = "/runner/v1/next";

/// Most bytes of a batch, so that neither side needs to hold more.
pub(crate) const BATCH_BYTES: usize = 8 << 20;

/// A run, as its worker gets it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Assignment {
    pub job: Uuid,
    pub run: Uuid,
    /// The fencing number: it stands in every report and in every key of what the run makes.
    pub attempt: u32,
    /// The trace that the run belongs to, for its log.
    #[serde(default)]
    pub trace: Option<String>,
    /// Good for this run alone.
    pub token: String,
    /// The canonical spec.
    pub spec: Value,
    /// `cpu` or `cuda:N`.
    pub device: String,
    /// Every data set that the spec names.
    pub datasets: Vec<AssignedDataset>,
    /// Every model that the spec names.
    #[serde(default)]
    pub models: Vec<AssignedModel>,
    /// The root of the artifacts.
    pub artifacts: PathBuf,
    /// The keys of the job's checkpoints, newest first: the run goes on from the first that is whole. Of a job that has none
    /// and continues another they are the other's.
    pub checkpoints: Vec<String>,
    /// The run's own folder, for its log and for what it cannot report yet.
    pub folder: PathBuf,
    pub limits: RunLimits,
}

/// Settings of the server that a worker holds to.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct RunLimits {
    pub orphan_seconds: u64,
    pub log_bytes: u64,
    pub artifacts: u64,
}

/// A data set in its canonical form.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AssignedDataset {
    pub name: String,
    pub version: u32,
    pub path: PathBuf,
}

/// A version of a model.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AssignedModel {
    pub name: String,
    pub version: u32,
    pub path: PathBuf,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Batch {
    pub attempt: u32,
    /// Grows by one from batch to batch of a run, from 1.
    pub seq: u64,
    pub reports: Vec<Report>,
}

impl Batch {
    /// Whether every file that it tells of stands where this attempt puts its files. What is told of is served, and
    /// deleted when its time has come, so it must be nobody else's.
    pub(crate) fn keeps_to_its_own(&self, job: Uuid, run: Uuid) -> bool {
        let below = |folder: &str, owner: Uuid, key: &str| {
            let rest = key.strip_prefix(&format!("{folder}/{owner}/{}/", self.attempt));
            rest.is_some_and(|rest| rest.split('/').all(|part| !matches!(part, "" | "." | "..")))
        };
        self.reports.iter().all(|report| match report {
            Report::Checkpoint { key, .. } | Report::Artifact { key, .. } => below("runs", run, key),
            Report::Model { key, .. } => below("models", job, key),
            _ => true,
        })
    }

    /// Whether its numbers are such as the store holds: a greater one would come back as one below nought.
    pub(crate) fn fits(&self) -> bool {
        let fits = |number: u64| i64::try_from(number).is_ok();
        self.reports.iter().all(|report| match report {
            Report::Started { from_step, .. } => fits(*from_step),
            Report::Metrics { points } => points.iter().all(|point| fits(point.step)),
            Report::Checkpoint { step, bytes, .. } => fits(*step) && fits(*bytes),
            Report::Artifact { bytes, .. } | Report::Model { bytes, .. } => fits(*bytes),
            Report::Progress(progress) => {
                [progress.epoch, progress.epochs, progress.step, progress.steps].into_iter().all(fits)
            }
            Report::Log { .. } | Report::Result { .. } | Report::Finished { .. } => true,
        })
    }
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Heartbeat {
    pub attempt: u32,
    /// What the worker was told last.
    pub control: Control,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Answer {
    pub control: Control,
}

pub(crate) fn reports_path(run: Uuid) -> String {
    format!("/runner/v1/runs/{run}/reports")
}

pub(crate) fn heartbeat_path(run: Uuid) -> String {
    format!("/runner/v1/runs/{run}/heartbeat")
}
