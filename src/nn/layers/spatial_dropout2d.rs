use tch::{Device, Kind, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, image, product};
use crate::nn::Pass;
use crate::random::Stream;
use crate::spec::{Rate, Shape};
use crate::torch::ops;

crate::record! {
    /// In training, sets each channel of an image to nought as a whole with probability `rate` and divides the others by
    /// `1 − rate`, so that their mean stays; otherwise gives its input on (Tompson, Goroshin, Jain, LeCun and Bregler,
    /// *Efficient Object Localization Using Convolutional Networks*, 2015).
    pub struct SpatialDropout2d {
        /// The share of channels that are dropped, such as `0.2`.
        pub rate: Rate,
    }
}

impl LayerConfig for SpatialDropout2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let elements = product(&input)?;
        let kept = if self.rate.get() > 0.0 { elements.saturating_add(input[0]) } else { 0 };
        Ok(Inferred::plain(input.to_vec(), elements, kept))
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
        let shape = [x.size()[0], x.size()[1], 1, 1];
        if x.device() != Device::Cpu {
            tch::manual_seed(self.node.seed_at("dropout", pass.step) as i64);
            return x * Tensor::ones(shape, (x.kind(), x.device())).dropout(self.rate, true);
        }
        let mut mask = Tensor::empty(shape, (Kind::Float, Device::Cpu));
        self.stream.at(pass.step).fill_mask((1.0 - self.rate) as f32, true, ops::as_slice_mut(&mut mask));
        x * mask.to_kind(x.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_channels_are_dropped() {
        let node = NodeContext { seed: 1, name: "a".into(), trainable: true };
        let built = SpatialDropout2d { rate: Rate::literal(0.25) }.build(&[vec![100, 2, 3]], &[], &node);
        let x = Tensor::ones([10, 100, 2, 3], (Kind::Float, Device::Cpu));
        let y = built.forward(&[&x], &Pass { training: true, step: 0 });
        assert_eq!(y, y.amax([2, 3], true).expand_as(&y));
        assert!((y.mean(Kind::Float).double_value(&[]) - 1.0).abs() < 0.08);
        assert_ne!(y, built.forward(&[&x], &Pass { training: true, step: 1 }));
        assert_eq!(built.forward(&[&x], &Pass::INFERENCE), x);
    }
}
