use tch::{Kind, Tensor};

use super::{Mean, Measured, MetricConfig, MetricState, needs_classes};
use crate::nn::losses::Task;

crate::record! {
    /// The share of right answers. Of several classes the most probable one is the answer; of two, or of targets of
    /// nought and one, the answer is one where its probability is above a half, or a
    /// score above nought.
    pub struct Accuracy {}
}

impl MetricConfig for Accuracy {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_classes(task, "accuracy", "mean_absolute_error")
    }

    fn greater_is_better(&self) -> bool {
        true
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        let threshold = measured.task.threshold();
        match measured.task {
            Task::Binary | Task::Margin => Mean::boxed(move |output, target| {
                (output.gt(threshold).eq_tensor(&target.gt(0.5)).sum(Kind::Double), target.numel() as i64)
            }),
            _ => Mean::boxed(classes),
        }
    }
}

fn classes(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    (output.argmax(-1, false).eq_tensor(target).sum(Kind::Double), target.numel() as i64)
}
