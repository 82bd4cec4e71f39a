use tch::Kind;

use super::{Mean, Measured, MetricConfig, MetricState, needs_numbers};
use crate::nn::losses::Task;

crate::record! {
    /// The root of the mean of `(y − t)²` over all numbers predicted.
    pub struct RootMeanSquaredError {}
}

impl MetricConfig for RootMeanSquaredError {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_numbers(task, "root_mean_squared_error")
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn build(&self, _measured: &Measured) -> Box<dyn MetricState> {
        let squares = |output: &tch::Tensor, target: &tch::Tensor| {
            ((output - target).square().sum(Kind::Double), target.numel() as i64)
        };
        Mean::told(squares, f64::sqrt)
    }
}
