use tch::Tensor;

use super::{Axes, ConstraintConfig, EPSILON, norms};
use crate::nn::initializers::ParameterSpec;
use crate::spec::NonNegative;

crate::record! {
    /// Lengths between two bounds: `rate` of the way to the nearest that is allowed is gone at each step.
    pub struct MinMaxNorm {
        /// The least length.
        pub min_value: NonNegative = NonNegative::literal(0.0),
        /// The greatest.
        pub max_value: NonNegative = NonNegative::literal(1.0),
        /// The share of the way that is gone: with 1 the bounds hold behind each step.
        pub rate: NonNegative = NonNegative::literal(1.0),
        /// The axes along which lengths are measured, in the document's order: 0 for what flows into each unit of a dense
        /// layer, `[0, 1, 2]` for a filter of a convolution.
        pub axis: Axes = Axes::first(),
    }
}

impl ConstraintConfig for MinMaxNorm {
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        if self.min_value > self.max_value {
            return Err(format!("min_value is {} and above max_value", self.min_value.get()));
        }
        if self.rate.get() > 1.0 {
            return Err(format!("rate is a share, from 0 to 1, not {}", self.rate.get()));
        }
        self.axis.check(parameter)
    }

    fn apply(&self, values: &Tensor, parameter: &ParameterSpec) -> Tensor {
        let (norms, rate) = (norms(values, &self.axis.of(parameter)), self.rate.get());
        let wanted = norms.clamp(self.min_value.get(), self.max_value.get()) * rate + &norms * (1.0 - rate);
        values * (wanted / (norms + EPSILON))
    }
}
