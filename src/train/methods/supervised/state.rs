//! What a checkpoint of supervised training holds, and how it is taken up again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::nn::network::Network;
use crate::nn::schedules::Plateau;
use crate::train::checkpoint::{Checkpoint, CheckpointError, Exact, Snapshot, own};

use super::Training;
use super::average::Average;
use super::early_stopping::Patience;
use super::sums::{Meter, Sums};

/// Where training stands, beside its tensors. The place in the learning-rate schedule is the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Steps taken.
    pub(super) step: u64,
    /// Epochs whose end has been dealt with: validated, judged, reported.
    pub(super) epochs_done: u64,
    pub(super) stopped_early: bool,
    pub(super) patience: Patience,
    /// The newest value of each epoch's series.
    pub(super) latest: BTreeMap<String, Exact>,
    /// The same as of the best epoch.
    pub(super) best: BTreeMap<String, Exact>,
    /// What the schedule has heard.
    #[serde(default)]
    pub(super) plateau: Plateau,
    /// The newest files of metrics, with their media types.
    #[serde(default)]
    pub(super) files: BTreeMap<String, (String, String)>,
    /// The same as of the best epoch.
    #[serde(default)]
    pub(super) best_files: BTreeMap<String, (String, String)>,
}

/// Weights by path.
pub(super) type Weights = Vec<(String, Tensor)>;

/// The weights as they are now, in memory of their own.
pub(super) fn copies(network: &Network) -> Weights {
    network.named().into_iter().map(|(name, tensor)| (name, own(&tensor))).collect()
}

/// What stands in the checkpoint's header.
#[derive(Serialize, Deserialize)]
struct Kept {
    method: String,
    state: State,
    /// Of the epoch under way.
    sums: Sums,
}

const METHOD: &str = "supervised";

impl Training<'_> {
    /// Copies all that the next step reads.
    pub(super) fn snapshot(&self) -> Snapshot {
        let kept = Kept { method: METHOD.into(), state: self.state.clone(), sums: self.meter.sums.clone() };
        let mut tensors = Vec::new();
        let mut keep = |part: &str, name: &str, tensor: &Tensor| {
            tensors.push((format!("{part}/{name}"), tensor.shallow_clone()));
        };
        for (name, tensor) in self.network.named() {
            keep("parameters", &name, &tensor);
        }
        for (name, tensor) in self.optimizer.state() {
            keep("optimizer", &name, &tensor);
        }
        for (name, tensor) in self.metrics.state() {
            keep("metrics", &name, &tensor);
        }
        for (name, tensor) in self.average.iter().flat_map(Average::named) {
            keep("average", &name, &tensor);
        }
        for (name, tensor) in self.best.iter().flatten() {
            keep("best", name, tensor);
        }
        let state = serde_json::to_value(kept).unwrap_or_default();
        Snapshot::take(self.state.step, self.reporter.epoch(self.state.step), state, &tensors)
    }

    /// Takes a checkpoint up.
    pub(in crate::train::methods) fn restore(
        &mut self,
        mut checkpoint: Checkpoint,
    ) -> Result<(), CheckpointError> {
        let kept: Kept = serde_json::from_value(checkpoint.state.take())
            .map_err(|_| CheckpointError::Mismatch("it is of another method".into()))?;
        if kept.method != METHOD || kept.state.step > self.plan.steps() {
            return Err(CheckpointError::Mismatch("it is of another method or a longer run".into()));
        }
        self.network.load(&checkpoint.take_all("parameters")).map_err(mismatch)?;
        self.optimizer.load(&checkpoint.take_all("optimizer").into_iter().collect()).map_err(mismatch)?;
        self.metrics.load(&checkpoint.take_all("metrics")).map_err(mismatch)?;
        let average = checkpoint.take_all("average");
        if let Some(own) = &mut self.average {
            own.load(&average).map_err(mismatch)?;
        }
        let best = checkpoint.take_all("best");
        self.best = (!best.is_empty()).then_some(best);
        self.meter = Meter::new(self.device, kept.sums);
        self.state = kept.state;
        Ok(())
    }
}

fn mismatch(detail: String) -> CheckpointError {
    CheckpointError::Mismatch(detail)
}
