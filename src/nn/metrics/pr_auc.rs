use super::scores::{Scored, descend, kept};
use super::{Measured, MetricConfig, MetricState, needs_classes};
use crate::nn::losses::Task;

crate::record! {
    /// The area under the curve of precision over recall, as the average precision: `Σ (Rₙ − Rₙ₋₁) · Pₙ` down the scores
    /// (Davis and Goadrich, *The Relationship Between Precision-Recall and ROC Curves*, 2006). With several classes or targets the mean over them, each against the rest; those of which all or no examples are, are
    /// left out. The predictions of the epoch are kept for it, 8 bytes for each output of each example, which the plan counts.
    pub struct PrAuc {}
}

impl MetricConfig for PrAuc {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_classes(task, "pr_auc", "r2")
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

/// The steps under the curve of precision over recall.
fn area(pairs: &[(f32, bool)]) -> Option<f64> {
    let (mut hits, mut said, mut area) = (0.0, 0.0, 0.0);
    descend(pairs, |right, wrong| {
        hits += right;
        said += right + wrong;
        area += right * hits / said;
    });
    (hits > 0.0).then(|| area / hits)
}
