use tch::{Kind, Tensor};

use super::normalize::{self, Affine};
use super::parameter::said;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{Initializer, Layout, Ones, ParameterSpec, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Positive, Shape, Share};

crate::record! {
    /// Brings each channel of a batch to mean nought and variance one, `gamma · (x − mean) / √(variance + epsilon) + beta`,
    /// over the batch and all that is not channels: these are the last axis, in an image the first (Ioffe and Szegedy,
    /// *Batch Normalization: Accelerating Deep Network Training by Reducing Internal Covariate Shift*, 2015).
    ///
    /// In training mean and variance are the batch's own, and `moving = momentum · moving + (1 − momentum) · batch` is kept
    /// of them, the variance being that of the batch itself (Σ (x − mean)² / n), as in Keras. Otherwise, and where the node
    /// is frozen, the moving ones take their place.
    pub struct BatchNormalization {
        /// The share of the moving mean and variance that stays at each step.
        pub momentum: Share = Share::literal(0.99),
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
        /// What the moving mean, `[channels]`, holds at first.
        pub moving_mean_initializer: Initializer = Zeros {}.into(),
        /// What the moving variance, `[channels]`, holds at first.
        pub moving_variance_initializer: Initializer = Ones {}.into(),
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

impl BatchNormalization {
    fn affine(&self) -> Affine {
        Affine { scale: self.scale, center: self.center }
    }

    fn statistics(&self, channels: u64) -> Result<[ParameterSpec; 2], FieldError> {
        let statistic = |name, field, initializer| {
            let fans = (channels, channels);
            ParameterSpec::new(name, field, &[channels], Layout::Same, fans, initializer)
                .map(ParameterSpec::statistic)
        };
        Ok([
            statistic("moving_mean", "moving_mean_initializer", &self.moving_mean_initializer)?,
            statistic("moving_variance", "moving_variance_initializer", &self.moving_variance_initializer)?,
        ])
    }
}

impl LayerConfig for BatchNormalization {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let (input, channels) = normalize::channels(inputs)?;
        let mut parameters = self.affine().parameters(&said!(self, gamma), &said!(self, beta), channels)?;
        parameters.extend(self.statistics(channels)?);
        normalize::infer(input, parameters, 1)
    }

    fn build(&self, _inputs: &[Shape], parameters: &[Tensor], node: &NodeContext) -> Box<dyn Forward> {
        let (gamma, beta, statistics) = self.affine().split(parameters);
        Box::new(Built {
            gamma,
            beta,
            mean: statistics[0].shallow_clone(),
            variance: statistics[1].shallow_clone(),
            share: 1.0 - self.momentum.get(),
            epsilon: self.epsilon.get(),
            frozen: !node.trainable,
        })
    }

    fn leaves_its_output(&self) -> bool {
        true
    }
}

struct Built {
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
    /// The moving ones, in the parameters' memory.
    mean: Tensor,
    variance: Tensor,
    /// Of a batch in the moving ones.
    share: f64,
    epsilon: f64,
    frozen: bool,
}

impl Built {
    /// `x` is `[n, channels]` or `[n, channels, height, width]`.
    fn normalize(&self, x: &Tensor, training: bool) -> Tensor {
        let (gamma, beta) = (self.gamma.as_ref(), self.beta.as_ref());
        if !training {
            let (mean, variance) = (Some(&self.mean), Some(&self.variance));
            return x.native_batch_norm(gamma, beta, mean, variance, false, 0.0, self.epsilon).0;
        }
        let (y, mean, deviation) = x.native_batch_norm(gamma, beta, None, None, true, 0.0, self.epsilon);
        tch::no_grad(|| {
            // libtorch gives 1 / √(variance + epsilon).
            let variance = (deviation.square().reciprocal() - self.epsilon).clamp_min(0.0);
            _ = self.mean.shallow_clone().lerp_(&mean.to_kind(Kind::Float), self.share);
            _ = self.variance.shallow_clone().lerp_(&variance.to_kind(Kind::Float), self.share);
        });
        y
    }
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], pass: &Pass) -> Tensor {
        let (x, training) = (inputs[0], pass.training && !self.frozen);
        if x.dim() == 3 {
            return self.normalize(&x.flatten(0, 1), training).reshape(x.size());
        }
        self.normalize(x, training)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn layer(body: &serde_json::Value) -> BatchNormalization {
        BatchNormalization::read(body, &Pointer::root(), &mut SpecErrors::new()).unwrap()
    }

    fn initial() -> Vec<Tensor> {
        let full = |value: f64| Tensor::full([2], value, (Kind::Float, Device::Cpu));
        vec![full(1.0), full(0.0), full(0.0), full(1.0)]
    }

    #[test]
    fn statistics_move_in_training_alone_and_not_where_the_node_is_frozen() {
        let x = Tensor::from_slice(&[1.0_f32, 10.0, 3.0, 30.0]).reshape([2, 2]);
        let layer = layer(&serde_json::json!({"momentum": 0.75}));
        for (trainable, training, mean, variance) in [
            (true, true, [0.5, 5.0], [1.0, 25.75]),
            (true, false, [0.0, 0.0], [1.0, 1.0]),
            (false, true, [0.0, 0.0], [1.0, 1.0]),
        ] {
            let parameters = initial();
            let node = NodeContext { seed: 1, name: "a".into(), trainable };
            let built = layer.build(&[vec![2]], &parameters, &node);
            let y = built.forward(&[&x], &Pass { training, step: 0 });
            for (kept, expected) in [(&parameters[2], mean), (&parameters[3], variance)] {
                let difference = (kept - Tensor::from_slice(&expected)).abs().max().double_value(&[]);
                assert!(difference < 1e-4, "{kept}, not {expected:?}");
            }
            let normal = y.mean(Kind::Float).abs().double_value(&[]) < 1e-5;
            assert_eq!(normal, training && trainable, "{y}");
        }
    }
}
