use tch::Tensor;

use super::ActivationConfig;
use crate::spec::NonNegative;

crate::record! {
    /// The rectifier, `f(x) = max(x, 0)` (Nair and Hinton, *Rectified Linear Units Improve Restricted Boltzmann
    /// Machines*, 2010), and Keras's general form of it: `f(x) = max_value` from `max_value` on, `x` from `threshold` to
    /// there, and `negative_slope · (x − threshold)` below.
    pub struct Relu {
        /// The greatest value that comes out; none where it is absent. With 6 it is the relu6 of small devices.
        pub max_value: Option<NonNegative> = None,
        /// The slope below the threshold.
        pub negative_slope: NonNegative = NonNegative::literal(0.0),
        /// From where on values are let through.
        pub threshold: NonNegative = NonNegative::literal(0.0),
    }
}

impl Relu {
    fn is_plain(&self) -> bool {
        self.max_value.is_none() && self.negative_slope.get() <= 0.0 && self.threshold.get() <= 0.0
    }
}

impl ActivationConfig for Relu {
    fn apply(&self, x: &Tensor) -> Tensor {
        if self.is_plain() {
            return x.relu();
        }
        let (threshold, slope) = (self.threshold.get(), self.negative_slope.get());
        let above = if threshold > 0.0 { x.threshold(threshold, 0.0) } else { x.relu() };
        let above = match self.max_value {
            Some(most) => above.clamp_max(most.get()),
            None => above,
        };
        if slope > 0.0 { above - (-x + threshold).relu() * slope } else { above }
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    fn may_overwrite(&self) -> bool {
        self.is_plain()
    }

    fn apply_over(&self, mut x: Tensor) -> Tensor {
        if self.is_plain() { x.relu_() } else { self.apply(&x) }
    }

    /// The general form is put together of up to three values.
    fn saved(&self) -> u64 {
        if self.is_plain() { 0 } else { 3 }
    }
}
