use tch::{Device, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Pair, image, product, resample};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// Means over as many windows as are asked for, whatever the image: `[channels, height, width]` to `[channels,
    /// *output_size]`. Window i of n over an extent reaches from `⌊i · extent / n⌋` to `⌈(i + 1) · extent / n⌉`.
    pub struct AdaptiveAveragePool2d {
        /// Extents of what comes out: a number, or `[height, width]`.
        pub output_size: Pair,
    }
}

impl LayerConfig for AdaptiveAveragePool2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let output = vec![input[0], self.output_size.height, self.output_size.width];
        let elements = product(&output)?;
        let saved = elements;
        Ok(Inferred::plain(output, product(&input)?.max(elements), saved))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { size: self.output_size.libtorch() })
    }
}

struct Built {
    size: [i64; 2],
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = inputs[0];
        if x.device() == Device::Cpu {
            return x.adaptive_avg_pool2d(self.size);
        }
        let means = |axis: usize| resample::means(self.size[axis] as u64, x.size()[axis + 2] as u64);
        resample::weigh(x, &means(0), &means(1))
    }
}
