//! Where cross-validation stands, and how a checkpoint keeps it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::CrossPlan;
use crate::train::checkpoint::{Checkpoint, CheckpointError, Exact};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    /// Trainings that are over.
    pub(super) training: usize,
    /// The values of the folds that are over.
    pub(super) results: Vec<BTreeMap<String, Exact>>,
}

/// What stands in the checkpoint's header.
#[derive(Serialize, Deserialize)]
struct Kept {
    method: String,
    place: Place,
    /// Of the training under way.
    training: Value,
}

const METHOD: &str = "cross_validation";

impl Place {
    /// The state to keep around that of the training under way.
    pub(super) fn keep(&self, training: Value) -> Value {
        let kept = Kept { method: METHOD.into(), place: self.clone(), training };
        serde_json::to_value(kept).unwrap_or_default()
    }

    /// Where a checkpoint stands, and what it holds of the training that was under way.
    pub(super) fn restore(
        mut checkpoint: Checkpoint,
        plan: &CrossPlan,
    ) -> Result<(Self, Option<Checkpoint>), CheckpointError> {
        let mismatch = |detail: &str| CheckpointError::Mismatch(detail.into());
        let kept: Kept = serde_json::from_value(checkpoint.state.take())
            .map_err(|_| mismatch("it is of another method"))?;
        let (_, steps) = plan.before(kept.place.training);
        let known =
            kept.place.training < plan.all().count() && kept.place.results.len() == kept.place.training;
        if kept.method != METHOD || !known || checkpoint.step < steps {
            return Err(mismatch("it is of another method or of other folds"));
        }
        checkpoint.step -= steps;
        checkpoint.state = kept.training;
        Ok((kept.place, Some(checkpoint)))
    }
}
