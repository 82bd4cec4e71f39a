//! A mean over all that is measured.

use tch::{Device, Kind, Tensor};

use super::{MetricState, find};

type Measure = Box<dyn Fn(&Tensor, &Tensor) -> (Tensor, i64) + Send>;

/// A mean of a quantity over all elements measured.
pub(super) struct Mean {
    /// Sums up what is measured of a batch, and says of how many elements.
    measure: Measure,
    /// What is told of the mean.
    told: fn(f64) -> f64,
    /// A float64 scalar, on the device of the outputs once there were any.
    sum: Tensor,
    count: i64,
}

impl Mean {
    pub(super) fn boxed(
        measure: impl Fn(&Tensor, &Tensor) -> (Tensor, i64) + Send + 'static,
    ) -> Box<dyn MetricState> {
        Self::told(measure, |mean| mean)
    }

    pub(super) fn told(
        measure: impl Fn(&Tensor, &Tensor) -> (Tensor, i64) + Send + 'static,
        told: fn(f64) -> f64,
    ) -> Box<dyn MetricState> {
        let sum = Tensor::zeros([], (Kind::Double, Device::Cpu));
        Box::new(Self { measure: Box::new(measure), told, sum, count: 0 })
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

    fn values(&self) -> Vec<f64> {
        let mean = if self.count == 0 { f64::NAN } else { self.sum.double_value(&[]) / self.count as f64 };
        vec![(self.told)(mean)]
    }

    fn reset(&mut self) {
        self.sum = Tensor::zeros([], (Kind::Double, Device::Cpu));
        self.count = 0;
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        vec![("sum".into(), self.sum.to_device(Device::Cpu)), ("count".into(), Tensor::from(self.count))]
    }

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String> {
        let scalar = |name: &str| {
            let found = find(state, name)?;
            if found.numel() == 1 { Ok(found) } else { Err(format!("a metric's {name} is no single number")) }
        };
        self.sum = scalar("sum")?.to_kind(Kind::Double).reshape([0_i64; 0]);
        self.count = scalar("count")?.int64_value(&[]);
        Ok(())
    }
}
