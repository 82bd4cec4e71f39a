use tch::Tensor;

use super::{Axes, ConstraintConfig, EPSILON, norms};
use crate::nn::initializers::ParameterSpec;
use crate::spec::NonNegative;

crate::record! {
    /// Lengths of at most `max_value`: what is longer is shortened (Srivastava, Hinton, Krizhevsky, Sutskever and
    /// Salakhutdinov, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, 2014).
    pub struct MaxNorm {
        /// The greatest length.
        pub max_value: NonNegative = NonNegative::literal(2.0),
        /// The axes along which it is measured, in the document's order: 0 for what flows into each unit of a dense layer,
        /// `[0, 1, 2]` for a filter of a convolution.
        pub axis: Axes = Axes::first(),
    }
}

impl ConstraintConfig for MaxNorm {
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        self.axis.check(parameter)
    }

    fn apply(&self, values: &Tensor, parameter: &ParameterSpec) -> Tensor {
        let norms = norms(values, &self.axis.of(parameter));
        values * (norms.clamp_max(self.max_value.get()) / (norms + EPSILON))
    }
}
