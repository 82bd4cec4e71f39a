use tch::{Device, Kind, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, single, size};
use crate::nn::Pass;
use crate::random::Stream;
use crate::spec::{Rate, Shape};
use crate::torch::ops;

crate::record! {
    /// In training, sets each value to nought with probability `rate` and divides the others by `1 − rate`, so that
    /// their mean stays; otherwise gives its input on (Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov,
    /// *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, 2014).
    pub struct Dropout {
        /// The share of values that are dropped, such as `0.5`.
        pub rate: Rate,
    }
}

impl LayerConfig for Dropout {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let elements = size(input)?;
        let kept = if self.rate.get() > 0.0 { 2 } else { 0 };
        Ok(Inferred::plain(input.clone(), elements, elements.saturating_mul(kept)))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { rate: self.rate.get(), stream: node.stream("dropout"), node: node.clone() })
    }
}

struct Built {
    rate: f64,
    stream: Stream,
    node: NodeContext,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], pass: &Pass) -> Tensor {
        let x = inputs[0];
        if !pass.training || self.rate == 0.0 {
            return x.shallow_clone();
        }
        if x.device() != Device::Cpu {
            tch::manual_seed(self.node.seed_at("dropout", pass.step) as i64);
            return x.dropout(self.rate, true);
        }
        let mut mask = Tensor::empty(x.size(), (Kind::Float, Device::Cpu));
        self.stream.at(pass.step).fill_mask((1.0 - self.rate) as f32, true, ops::as_slice_mut(&mut mask));
        // The mask's values are drawn by the position in the tensor, however that stands in memory.
        if x.dim() == 4 && !x.is_contiguous() {
            mask = ops::contiguous_channels_last(&mask);
        }
        x * mask.to_kind(x.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_differ_by_step_and_node_and_repeat() {
        let built = |name: &str| {
            let node = NodeContext { seed: 1, name: name.into(), trainable: true };
            Dropout { rate: Rate::literal(0.25) }.build(&[vec![100]], &[], &node)
        };
        let x = Tensor::ones([10, 100], (Kind::Float, Device::Cpu));
        let at = |name, step| built(name).forward(&[&x], &Pass { training: true, step });
        let first = at("a", 0);
        assert_eq!(first, at("a", 0));
        assert_ne!(first, at("a", 1));
        assert_ne!(first, at("b", 0));
        assert!((first.mean(Kind::Float).double_value(&[]) - 1.0).abs() < 0.08);
        assert_eq!(built("a").forward(&[&x], &Pass::INFERENCE), x);
    }
}
