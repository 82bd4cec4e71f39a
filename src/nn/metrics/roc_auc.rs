use super::scores::{Scored, descend, kept};
use super::{Measured, MetricConfig, MetricState, needs_classes};
use crate::nn::losses::Task;

crate::record! {
    /// The area under the receiver operating characteristic: how often an example of a class is ranked above one that is not,
    /// ties counting half (Fawcett, *An Introduction to ROC Analysis*, 2006). With several classes or targets the mean over them, each against the rest; those of which all or no examples are, are
    /// left out. The predictions of the epoch are kept for it, 8 bytes for each output of each example, which the plan counts.
    pub struct RocAuc {}
}

impl MetricConfig for RocAuc {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_classes(task, "roc_auc", "r2")
    }

    fn greater_is_better(&self) -> bool {
        true
    }

    fn kept(&self, measured: &Measured) -> u64 {
        kept(measured)
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        Scored::boxed(measured, area)
    }
}

/// The trapezoids under the curve of hits over false alarms.
fn area(pairs: &[(f32, bool)]) -> Option<f64> {
    let (mut hits, mut false_alarms, mut area) = (0.0, 0.0, 0.0);
    descend(pairs, |right, wrong| {
        area += wrong * (hits + right / 2.0);
        hits += right;
        false_alarms += wrong;
    });
    (hits > 0.0 && false_alarms > 0.0).then(|| area / (hits * false_alarms))
}
