use tch::Kind;

use super::{Mean, Measured, MetricConfig, MetricState, needs_numbers};
use crate::nn::losses::Task;

crate::record! {
    /// The mean of `100 · |y − t| / |t|` over all numbers predicted; a target nearer to nought than 1e-7 counts as that.
    pub struct MeanAbsolutePercentageError {}
}

impl MetricConfig for MeanAbsolutePercentageError {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_numbers(task, "mean_absolute_percentage_error")
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn build(&self, _measured: &Measured) -> Box<dyn MetricState> {
        Mean::boxed(|output, target| {
            let shares = (output - target).abs() / target.abs().clamp_min(1e-7) * 100.0;
            (shares.sum(Kind::Double), target.numel() as i64)
        })
    }
}
