use tch::{Device, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Pair, image, product, resample};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// The greatest values of as many windows as are asked for, whatever the image: `[channels, height, width]` to
    /// `[channels, *output_size]`. Window i of n over an extent reaches from `⌊i · extent / n⌋` to `⌈(i + 1) · extent / n⌉`.
    pub struct AdaptiveMaxPool2d {
        /// Extents of what comes out: a number, or `[height, width]`.
        pub output_size: Pair,
    }
}

impl LayerConfig for AdaptiveMaxPool2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let output = vec![input[0], self.output_size.height, self.output_size.width];
        let elements = product(&output)?;
        let saved = elements.saturating_mul(3);
        Ok(Inferred::plain(output, product(&input)?.max(elements), saved))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { size: self.output_size.libtorch() })
    }

    fn takes_greatest(&self) -> bool {
        true
    }
}

struct Built {
    size: [i64; 2],
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = inputs[0];
        if x.device() == Device::Cpu {
            x.adaptive_max_pool2d(self.size).0
        } else {
            resample::greatest(x, self.size)
        }
    }
}
