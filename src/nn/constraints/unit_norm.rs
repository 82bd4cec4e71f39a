use tch::Tensor;

use super::{Axes, ConstraintConfig, EPSILON, norms};
use crate::nn::initializers::ParameterSpec;

crate::record! {
    /// Lengths of one.
    pub struct UnitNorm {
        /// The axes along which they are measured, in the document's order: 0 for what flows into each unit of a dense
        /// layer, `[0, 1, 2]` for a filter of a convolution.
        pub axis: Axes = Axes::first(),
    }
}

impl ConstraintConfig for UnitNorm {
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        self.axis.check(parameter)
    }

    fn apply(&self, values: &Tensor, parameter: &ParameterSpec) -> Tensor {
        values / (norms(values, &self.axis.of(parameter)) + EPSILON)
    }
}
