use tch::Tensor;

use super::ConstraintConfig;
use crate::nn::initializers::ParameterSpec;

crate::record! {
    /// Nothing below nought: what is becomes nought.
    pub struct NonNeg {}
}

impl ConstraintConfig for NonNeg {
    fn apply(&self, values: &Tensor, _parameter: &ParameterSpec) -> Tensor {
        values.clamp_min(0.0)
    }
}
