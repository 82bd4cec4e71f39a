use tch::Tensor;

use super::normalize::{self, Affine};
use super::parameter::said;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext};
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{Initializer, Ones, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Positive, Shape};

crate::record! {
    /// Brings each channel of each example to mean nought and variance one over the whole image or sequence: `gamma ·
    /// (x − mean) / √(variance + epsilon) + beta` (Ulyanov, Vedaldi and Lempitsky, *Instance Normalization: The Missing
    /// Ingredient for Fast Stylization*, 2016).
    pub struct InstanceNormalization {
        /// What is added to the variance.
        pub epsilon: Positive = Positive::literal(0.001),
        /// Whether an offset, beta, is added.
        pub center: bool = true,
        /// Whether the result is multiplied by gamma.
        pub scale: bool = true,
        /// What beta, `[channels]`, holds at first.
        pub beta_initializer: Initializer = Zeros {}.into(),
        /// What gamma, `[channels]`, holds at first.
        pub gamma_initializer: Initializer = Ones {}.into(),
        /// The penalty on beta.
        pub beta_regularizer: Option<Regularizer> = None,
        /// The penalty on gamma.
        pub gamma_regularizer: Option<Regularizer> = None,
        /// What is made to hold of beta behind each step.
        pub beta_constraint: Option<Constraint> = None,
        /// What is made to hold of gamma behind each step.
        pub gamma_constraint: Option<Constraint> = None,
    }
}

impl InstanceNormalization {
    fn affine(&self) -> Affine {
        Affine { scale: self.scale, center: self.center }
    }
}

impl LayerConfig for InstanceNormalization {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let (input, channels) = normalize::channels(inputs)?;
        if input.len() == 1 {
            return Err(FieldError::whole(
                "takes images or sequences: of a vector each channel is one number, which is its own mean",
            ));
        }
        let parameters = self.affine().parameters(&said!(self, gamma), &said!(self, beta), channels)?;
        normalize::infer(input, parameters, 2)
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let (gamma, beta, _) = self.affine().split(parameters);
        normalize::by_groups(
            normalize::channels(inputs).map_or(1, |(_, channels)| channels),
            self.epsilon.get(),
            gamma,
            beta,
        )
    }
}
