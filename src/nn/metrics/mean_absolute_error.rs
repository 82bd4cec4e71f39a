use tch::Kind;

use super::{Mean, Measured, MetricConfig, MetricState, needs_numbers};
use crate::nn::losses::Task;

crate::record! {
    /// The mean of `|y − t|` over all numbers predicted.
    pub struct MeanAbsoluteError {}
}

impl MetricConfig for MeanAbsoluteError {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_numbers(task, "mean_absolute_error")
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn build(&self, _measured: &Measured) -> Box<dyn MetricState> {
        Mean::boxed(|output, target| ((output - target).abs().sum(Kind::Double), target.numel() as i64))
    }
}
