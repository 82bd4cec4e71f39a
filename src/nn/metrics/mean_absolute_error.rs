use tch::Kind;

use super::{Mean, MetricConfig, MetricState};
use crate::nn::losses::Task;

crate::record! {
    /// The mean of `|y − t|` over all numbers predicted.
    pub struct MeanAbsoluteError {}
}

impl MetricConfig for MeanAbsoluteError {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_numbers(task, "mean_absolute_error")
    }

    fn build(&self, _task: Task) -> Box<dyn MetricState> {
        Mean::boxed(|output, target| ((output - target).abs().sum(Kind::Double), target.numel() as i64))
    }
}

/// Probabilities of nought and one are numbers too; those by class are not.
pub(super) fn needs_numbers(task: Task, metric: &str) -> Result<(), String> {
    match task {
        Task::Numbers | Task::Binary => Ok(()),
        Task::Classes => Err(format!("{metric} needs numbers, and the target holds classes: take accuracy")),
    }
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    #[test]
    fn distances_are_averaged() {
        let mut state = MeanAbsoluteError {}.build(Task::Numbers);
        state.update(&Tensor::from_slice2(&[[1.0_f32, -2.0]]), &Tensor::from_slice2(&[[0.0_f32, 0.0]]));
        assert_eq!(state.value(), 1.5);
        assert!(MeanAbsoluteError {}.check(Task::Classes).is_err());
    }
}
