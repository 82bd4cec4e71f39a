use tch::Kind;

use super::{Mean, Measured, MetricConfig, MetricState};
use crate::nn::losses::Task;
use crate::spec::Size;

crate::record! {
    /// The share of examples whose class is among the `k` most probable ones.
    pub struct TopKAccuracy {
        /// How many answers an example may have.
        pub k: Size = Size::clamped(5),
    }
}

impl MetricConfig for TopKAccuracy {
    fn check(&self, task: Task) -> Result<(), String> {
        match task {
            Task::Classes => Ok(()),
            Task::Binary | Task::Margin => {
                Err("top_k_accuracy needs a probability for each of several classes: take accuracy".into())
            }
            Task::Numbers | Task::Gaussian => {
                Err("top_k_accuracy needs classes, and the target is a number: take mean_absolute_error"
                    .into())
            }
        }
    }

    fn greater_is_better(&self) -> bool {
        true
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        let k = (self.k.get() as i64).min(measured.labels.len() as i64);
        Mean::boxed(move |output, target| {
            let (_, answers) = output.topk(k, -1, true, false);
            (answers.eq_tensor(&target.unsqueeze(1)).sum(Kind::Double), target.numel() as i64)
        })
    }
}
