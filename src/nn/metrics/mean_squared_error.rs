use tch::{Kind, Tensor};

use super::{Mean, Measured, MetricConfig, MetricState, needs_numbers};
use crate::nn::losses::Task;

crate::record! {
    /// The mean of `(y − t)²` over all numbers predicted.
    pub struct MeanSquaredError {}
}

impl MetricConfig for MeanSquaredError {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_numbers(task, "mean_squared_error")
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn build(&self, _measured: &Measured) -> Box<dyn MetricState> {
        Mean::boxed(squares)
    }
}

fn squares(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    ((output - target).square().sum(Kind::Double), target.numel() as i64)
}
