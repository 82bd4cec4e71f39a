use tch::{Device, Kind, Tensor};

use super::{Measured, MetricConfig, MetricState, find, needs_probabilities};
use crate::nn::losses::Task;
use crate::spec::Bins;

crate::record! {
    /// How far confidence is from being right: examples in bins of equal width by the probability of their answer, the mean of
    /// `|share of right answers − mean confidence|` over the bins, by their examples (Guo, Pleiss, Sun and Weinberger, *On
    /// Calibration of Modern Neural Networks*, 2017). Each of several targets of nought and one counts as an example.
    pub struct ExpectedCalibrationError {
        /// How many bins.
        pub bins: Bins = Bins::clamped(15),
    }
}

impl MetricConfig for ExpectedCalibrationError {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_probabilities(task, "expected_calibration_error")
    }

    fn greater_is_better(&self) -> bool {
        false
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        let bins = i64::from(self.bins.get());
        Box::new(Binned { by_class: measured.task == Task::Classes, bins, sums: None })
    }
}

struct Binned {
    by_class: bool,
    bins: i64,
    /// `[3, bins]` in float64: answers, their confidence, how many are right.
    sums: Option<Tensor>,
}

impl Binned {
    fn sums(&self, output: &Tensor, target: &Tensor) -> Tensor {
        let (confidence, right) = if self.by_class {
            let (confidence, answer) = output.max_dim(-1, false);
            (confidence, answer.eq_tensor(target))
        } else {
            (output.maximum(&(1.0_f64 - output)), output.gt(0.5).eq_tensor(&target.gt(0.5)))
        };
        let confidence = confidence.to_kind(Kind::Double).flatten(0, -1);
        let right = right.to_kind(Kind::Double).flatten(0, -1);
        // A bin holds its upper end and not its lower one.
        let bin = ((&confidence * self.bins as f64).ceil() - 1.0).clamp(0.0, (self.bins - 1) as f64);
        let places = bin.to_kind(Kind::Int64).one_hot(self.bins).to_kind(Kind::Double);
        Tensor::stack(&[confidence.ones_like(), confidence, right], 0).matmul(&places)
    }
}

impl MetricState for Binned {
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let sums = tch::no_grad(|| self.sums(output, target));
        self.sums = Some(match &self.sums {
            Some(before) => before.to_device(sums.device()) + sums,
            None => sums,
        });
    }

    fn values(&self) -> Vec<f64> {
        let error = self.sums.as_ref().map(|sums| {
            let gaps = (sums.get(1) - sums.get(2)).abs().sum(None);
            (gaps / sums.get(0).sum(None)).double_value(&[])
        });
        vec![error.unwrap_or(f64::NAN)]
    }

    fn reset(&mut self) {
        self.sums = None;
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        self.sums.iter().map(|sums| ("sums".to_owned(), sums.to_device(Device::Cpu))).collect()
    }

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        self.sums = match find(state, "sums") {
            Ok(sums) if sums.size() == [3, self.bins] => Some(sums.to_kind(Kind::Double)),
            Ok(_) => return Err("a metric's sums are of other bins".into()),
            Err(_) => None,
        };
        Ok(())
    }
}
