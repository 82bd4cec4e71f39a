use tch::Tensor;

use super::normalize::{self, Affine};
use super::parameter::said;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, image};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{Initializer, Ones, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Positive, Shape};

crate::record! {
    /// Brings the features of each example to mean nought and variance one, `gamma · (x − mean) / √(variance + epsilon) +
    /// beta`: over the last axis, in an image over the channels of each pixel (Ba, Kiros and Hinton, *Layer Normalization*,
    /// 2016).
    pub struct LayerNormalization {
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

impl LayerNormalization {
    fn affine(&self) -> Affine {
        Affine { scale: self.scale, center: self.center }
    }
}

impl LayerConfig for LayerNormalization {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let (input, channels) = normalize::channels(inputs)?;
        let parameters = self.affine().parameters(&said!(self, gamma), &said!(self, beta), channels)?;
        normalize::infer(input, parameters, if input.len() == 3 { 2 } else { 1 })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let (gamma, beta, _) = self.affine().split(parameters);
        let channels = normalize::channels(inputs).map_or(1, |(_, channels)| channels as i64);
        let by_pixel = image(inputs).is_ok();
        Box::new(Built { channels, epsilon: self.epsilon.get(), gamma, beta, by_pixel })
    }
}

struct Built {
    channels: i64,
    epsilon: f64,
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
    by_pixel: bool,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let normalize = |x: &Tensor| {
            x.layer_norm([self.channels], self.gamma.as_ref(), self.beta.as_ref(), self.epsilon, false)
        };
        if self.by_pixel {
            return normalize(&inputs[0].permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
        }
        normalize(inputs[0])
    }
}
