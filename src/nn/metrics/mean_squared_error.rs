use tch::{Kind, Tensor};

use super::{Mean, MetricConfig, MetricState};
use crate::nn::losses::Task;

crate::record! {
    /// The mean of `(y − t)²` over all numbers predicted.
    pub struct MeanSquaredError {}
}

impl MetricConfig for MeanSquaredError {
    fn check(&self, task: Task) -> Result<(), String> {
        super::mean_absolute_error::needs_numbers(task, "mean_squared_error")
    }

    fn build(&self, _task: Task) -> Box<dyn MetricState> {
        Mean::boxed(squares)
    }
}

fn squares(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    ((output - target).square().sum(Kind::Double), target.numel() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn squares_are_averaged() {
        let mut state = MeanSquaredError {}.build(Task::Numbers);
        state.update(&Tensor::from_slice2(&[[1.0_f32, -2.0]]), &Tensor::from_slice2(&[[0.0_f32, 0.0]]));
        assert_eq!(state.value(), 2.5);
    }
}
