//! Metrics: what people read off a run. One file each.

use tch::{Device, Kind, Tensor};

use crate::nn::losses::Task;

crate::components! {
    /// What is measured beside the loss.
    pub enum Metric: dyn MetricConfig, "a metric" { Accuracy, MeanSquaredError, MeanAbsoluteError }
}

/// What a metric must say of itself.
pub trait MetricConfig {
    /// Whether it means anything for what the output says; the text says what to take instead.
    fn check(&self, task: Task) -> Result<(), String>;

    fn build(&self, task: Task) -> Box<dyn MetricState>;
}

/// A metric being taken. Sums stay on the device of what is measured: nothing waits for it until the value is due.
pub trait MetricState: Send {
    /// `output` is what the network answers (probabilities, numbers); `target` is as the loss encodes it.
    fn update(&mut self, output: &Tensor, target: &Tensor);

    /// Not a number where nothing was measured.
    fn value(&self) -> f64;

    fn reset(&mut self);

    /// What a checkpoint keeps of a metric half taken.
    fn state(&self) -> Vec<(String, Tensor)>;

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String>;
}

/// A mean of a quantity over all elements measured.
pub(crate) struct Mean {
    /// Sums up what is measured of a batch, and says of how many elements.
    measure: fn(&Tensor, &Tensor) -> (Tensor, i64),
    /// A float64 scalar, on the device of the outputs once there were any.
    sum: Tensor,
    count: i64,
}

impl Mean {
    pub(crate) fn boxed(measure: fn(&Tensor, &Tensor) -> (Tensor, i64)) -> Box<dyn MetricState> {
        Box::new(Self { measure, sum: Tensor::zeros([], (Kind::Double, Device::Cpu)), count: 0 })
    }
}

impl MetricState for Mean {
    fn update(&mut self, output: &Tensor, target: &Tensor) {
        let (sum, count) = tch::no_grad(|| (self.measure)(output, target));
        if self.count == 0 {
            self.sum = sum;
        } else {
            // A sum that a checkpoint brought stands on the CPU at first.
            self.sum = self.sum.to_device(sum.device()) + sum;
        }
        self.count += count;
    }

    fn value(&self) -> f64 {
        if self.count == 0 { f64::NAN } else { self.sum.double_value(&[]) / self.count as f64 }
    }

    fn reset(&mut self) {
        self.sum = Tensor::zeros([], (Kind::Double, Device::Cpu));
        self.count = 0;
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        vec![("sum".into(), self.sum.to_device(Device::Cpu)), ("count".into(), Tensor::from(self.count))]
    }

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        let find = |name: &str| {
            let found = state.iter().find(|(known, tensor)| known == name && tensor.numel() == 1);
            found.map(|(_, tensor)| tensor).ok_or_else(|| format!("a metric's {name} is missing"))
        };
        self.sum = find("sum")?.to_kind(Kind::Double).reshape([0_i64; 0]);
        self.count = find("count")?.int64_value(&[]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_half_taken_goes_on_where_it_was() {
        let output = Tensor::from_slice2(&[[1.0_f32], [3.0]]);
        let target = Tensor::from_slice2(&[[0.0_f32], [0.0]]);
        let config = MeanSquaredError {};
        let mut whole = config.build(Task::Numbers);
        assert!(whole.value().is_nan());
        whole.update(&output, &target);
        let mut resumed = config.build(Task::Numbers);
        resumed.load(&whole.state()).unwrap();
        for state in [&mut whole, &mut resumed] {
            state.update(&output, &output);
            assert_eq!(state.value(), 10.0 / 4.0);
        }
        whole.reset();
        assert!(whole.value().is_nan());
    }
}
