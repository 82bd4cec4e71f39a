use tch::{Kind, Tensor};

use super::{Mean, MetricConfig, MetricState};
use crate::nn::losses::Task;

crate::record! {
    /// The share of right answers. Of several classes the most probable one is the answer; of two, or of targets of
    /// nought and one, the answer is one where its probability is above a half.
    pub struct Accuracy {}
}

impl MetricConfig for Accuracy {
    fn check(&self, task: Task) -> Result<(), String> {
        match task {
            Task::Classes | Task::Binary => Ok(()),
            Task::Numbers => {
                Err("accuracy needs classes, and the target is a number: take mean_absolute_error".into())
            }
        }
    }

    fn build(&self, task: Task) -> Box<dyn MetricState> {
        Mean::boxed(if task == Task::Binary { binary } else { classes })
    }
}

fn classes(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    (output.argmax(-1, false).eq_tensor(target).sum(Kind::Double), target.numel() as i64)
}

fn binary(output: &Tensor, target: &Tensor) -> (Tensor, i64) {
    (output.gt(0.5).eq_tensor(&target.gt(0.5)).sum(Kind::Double), target.numel() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn right_answers_are_counted() {
        let mut state = Accuracy {}.build(Task::Classes);
        state.update(&Tensor::from_slice2(&[[0.1_f32, 0.9], [0.8, 0.2]]), &Tensor::from_slice(&[1_i64, 1]));
        state.update(&Tensor::from_slice2(&[[0.1_f32, 0.9]]), &Tensor::from_slice(&[1_i64]));
        assert!((state.value() - 2.0 / 3.0).abs() < 1e-12);
        let mut state = Accuracy {}.build(Task::Binary);
        state.update(&Tensor::from_slice2(&[[0.6_f32], [0.4]]), &Tensor::from_slice2(&[[1.0_f32], [1.0]]));
        assert_eq!(state.value(), 0.5);
    }
}
