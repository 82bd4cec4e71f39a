use tch::Tensor;

use super::normalize::{self, Affine};
use super::parameter::said;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext};
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{Initializer, Ones, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Positive, Shape, Size};

crate::record! {
    /// Brings the channels of each example to mean nought and variance one, group by group and over the whole image or
    /// sequence: `gamma · (x − mean) / √(variance + epsilon) + beta` (Wu and He, *Group Normalization*, 2018). One group is a
    /// layer normalisation over everything, as many as there are channels an instance normalisation.
    pub struct GroupNormalization {
        /// Into how many groups of neighbours the channels are parted, such as `4`; it divides them.
        pub groups: Size = Size::clamped(32),
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

impl GroupNormalization {
    fn affine(&self) -> Affine {
        Affine { scale: self.scale, center: self.center }
    }
}

impl LayerConfig for GroupNormalization {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let (input, channels) = normalize::channels(inputs)?;
        if !channels.is_multiple_of(self.groups.get()) {
            return Err(FieldError::new("groups", format!("must divide the {channels} channels")));
        }
        let parameters = self.affine().parameters(&said!(self, gamma), &said!(self, beta), channels)?;
        normalize::infer(input, parameters, 2)
    }

    fn build(&self, _inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let (gamma, beta, _) = self.affine().split(parameters);
        normalize::by_groups(self.groups.get(), self.epsilon.get(), gamma, beta)
    }
}
