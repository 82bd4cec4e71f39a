use tch::{Kind, Tensor};

use super::{Mean, Measured, MetricConfig, MetricState, needs_probabilities};
use crate::nn::losses::Task;

/// What a probability counts as, at least.
const LEAST: f64 = 1e-7;

crate::record! {
    /// The mean of `−log p` of what is right, the cross-entropy without label smoothing, weights or factors: how good the
    /// probabilities are. A probability counts as at least 1e-7.
    pub struct LogLoss {}
}

impl MetricConfig for LogLoss {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_probabilities(task, "log_loss")
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        Mean::boxed(if measured.task == Task::Binary { binary } else { classes })
    }
}

fn classes(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    let right = output.gather(1, &target.unsqueeze(1), false).to_kind(Kind::Double);
    (-right.clamp_min(LEAST).log().sum(None), target.numel() as i64)
}

fn binary(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    let right = (output * target + (1.0_f64 - output) * (1.0_f64 - target)).to_kind(Kind::Double);
    (-right.clamp_min(LEAST).log().sum(None), target.numel() as i64)
}
