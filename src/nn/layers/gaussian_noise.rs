use tch::{Device, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, single, size};
use crate::nn::Pass;
use crate::spec::{NonNegative, Shape};
use crate::torch::ops;

crate::record! {
    /// In training, adds to each value a draw from a normal distribution around nought; otherwise gives its input on (Bishop,
    /// *Training with Noise is Equivalent to Tikhonov Regularization*, 1995).
    pub struct GaussianNoise {
        /// The deviation of what is added, such as `0.1`.
        pub stddev: NonNegative,
    }
}

impl LayerConfig for GaussianNoise {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let elements = size(input)?;
        let kept = if self.stddev.get() > 0.0 { 2 } else { 0 };
        Ok(Inferred::plain(input.clone(), elements, elements.saturating_mul(kept)))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { stddev: self.stddev.get(), node: node.clone() })
    }
}

struct Built {
    stddev: f64,
    node: NodeContext,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], pass: &Pass) -> Tensor {
        let x = inputs[0];
        if !pass.training || self.stddev <= 0.0 {
            return x.shallow_clone();
        }
        let seed = self.node.seed_at("gaussian_noise", pass.step);
        if x.device() != Device::Cpu {
            tch::manual_seed(seed as i64);
            return x + x.randn_like() * self.stddev;
        }
        x + ops::normal(&x.size(), self.stddev, seed).to_kind(x.kind())
    }
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;

    #[test]
    fn noise_has_its_deviation_differs_by_step_and_is_for_training_alone() {
        let node = NodeContext { seed: 1, name: "a".into(), trainable: true };
        let built = GaussianNoise { stddev: NonNegative::literal(0.5) }.build(&[vec![100]], &[], &node);
        let x = Tensor::ones([100, 100], (Kind::Float, Device::Cpu));
        let at = |step| built.forward(&[&x], &Pass { training: true, step });
        assert_eq!(at(0), at(0));
        assert_ne!(at(0), at(1));
        assert!((at(0).std(true).double_value(&[]) - 0.5).abs() < 0.02);
        assert!((at(0).mean(Kind::Float).double_value(&[]) - 1.0).abs() < 0.02);
        assert_eq!(built.forward(&[&x], &Pass::INFERENCE), x);
    }
}
