//! Where a run puts what it makes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use tch::Tensor;

use crate::spec::report::{Control, Report};
use crate::torch::safetensors;

use super::checkpoint::{Hashing, Snapshot, Written};

/// What a training method sees of the world. Nothing here may wait for a disk or a network: a sink takes what it is
/// given and does the slow part on a thread of its own, in the order in which it was given.
pub trait RunSink {
    /// Metrics, progress, log lines.
    fn report(&mut self, report: Report);

    /// Whether a checkpoint that falls due would be written at once. While an earlier one is still being written a
    /// periodic checkpoint is left out rather than queued behind it.
    fn ready_for_checkpoint(&self) -> bool {
        true
    }

    /// Keeps the state of training: [`Snapshot::write`] to a temporary name, sync, rename, then report it.
    fn checkpoint(&mut self, snapshot: Snapshot);

    /// Keeps any other file of the run's.
    fn artifact(&mut self, artifact: ArtifactFile);

    /// Keeps a trained network: `weights.safetensors` and `model.json` under one key prefix, then reports it.
    fn model(&mut self, model: ModelFiles);

    /// What the run is to do; asked at every step, so it must cost next to nothing.
    fn control(&self) -> Control;
}

/// A file that a run made beside its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArtifactFile {
    pub name: String,
    pub media_type: String,
    pub bytes: Vec<u8>,
}

/// The files of a trained network.
#[derive(Debug)]
pub struct ModelFiles {
    /// Tells the models of one job apart; a method with one model leaves it empty.
    pub output: String,
    /// The last values of the series, of the epoch whose weights these are.
    pub metrics: BTreeMap<String, f64>,
    /// `model.json`.
    pub document: String,
    /// By name, in the order of the plan.
    pub(crate) weights: Vec<(String, Tensor)>,
}

impl ModelFiles {
    /// Writes `weights.safetensors`.
    pub fn write_weights(&self, out: impl Write) -> io::Result<Written> {
        let mut out = Hashing::new(out);
        safetensors::write(&mut out, &self.weights)?;
        out.finish()
    }
}

/// A sink that keeps everything in memory, for tests and measurements.
#[derive(Debug, Default)]
pub struct RecordingSink {
    pub reports: Vec<Report>,
    /// Checkpoint files with their steps.
    pub checkpoints: Vec<(u64, Vec<u8>)>,
    pub artifacts: Vec<ArtifactFile>,
    pub models: Vec<ModelFiles>,
    /// What the run is told from that question on.
    orders: Option<(u64, Control)>,
    /// How often `control` was asked.
    asked: std::cell::Cell<u64>,
}

impl RecordingSink {
    /// A sink that gives an order when it is asked for the `time`-th time.
    pub fn ordering(time: u64, order: Control) -> Self {
        Self { orders: Some((time, order)), ..Self::default() }
    }

    /// The points of a series, as (step, value).
    pub fn series(&self, name: &str) -> Vec<(u64, f64)> {
        let points = self.reports.iter().filter_map(|report| match report {
            Report::Metrics { points } => Some(points),
            _ => None,
        });
        points.flatten().filter(|point| point.name == name).map(|point| (point.step, point.value)).collect()
    }

    /// The last value of a series.
    pub fn last(&self, name: &str) -> Option<f64> {
        self.series(name).last().map(|(_, value)| *value)
    }
}

impl RunSink for RecordingSink {
    fn report(&mut self, report: Report) {
        self.reports.push(report);
    }

    fn checkpoint(&mut self, snapshot: Snapshot) {
        let mut bytes = Vec::new();
        if snapshot.write(&mut bytes).is_ok() {
            self.checkpoints.push((snapshot.step, bytes));
        }
    }

    fn artifact(&mut self, artifact: ArtifactFile) {
        self.artifacts.push(artifact);
    }

    fn model(&mut self, model: ModelFiles) {
        self.models.push(model);
    }

    fn control(&self) -> Control {
        self.asked.set(self.asked.get() + 1);
        match self.orders {
            Some((time, order)) if self.asked.get() >= time => order,
            _ => Control::Continue,
        }
    }
}
