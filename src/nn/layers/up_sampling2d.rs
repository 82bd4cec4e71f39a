use tch::{Device, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Pair, image, product, resample};
use crate::nn::Pass;
use crate::spec::Shape;

crate::choices! {
    /// What stands between the pixels that there are.
    pub enum Interpolation { Nearest = "nearest", Bilinear = "bilinear" }
}

crate::record! {
    /// An image made larger: `[channels, height, width]` to `[channels, height · size, width · size]`.
    pub struct UpSampling2d {
        /// How many times larger: a number, or `[height, width]`.
        pub size: Pair = Pair::square(2),
        /// Each pixel so many times, or what lies on straight lines between them, the corners of both images being those of
        /// their outermost pixels and not their middles.
        pub interpolation: Interpolation = Interpolation::Nearest,
    }
}

impl LayerConfig for UpSampling2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [channels, height, width] = image(inputs)?;
        let output =
            vec![channels, product(&[height, self.size.height])?, product(&[width, self.size.width])?];
        let elements = product(&output)?;
        let flops = match self.interpolation {
            Interpolation::Nearest => 0,
            Interpolation::Bilinear => elements.saturating_mul(8),
        };
        Ok(Inferred::plain(output, flops, elements))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let [_, height, width] = image(inputs).unwrap_or([1; 3]);
        let extents = [height * self.size.height, width * self.size.width];
        Box::new(Built { extents: extents.map(|extent| extent as i64), interpolation: self.interpolation })
    }
}

struct Built {
    extents: [i64; 2],
    interpolation: Interpolation,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = inputs[0];
        match self.interpolation {
            Interpolation::Nearest => x.upsample_nearest2d(self.extents, None, None),
            Interpolation::Bilinear if x.device() == Device::Cpu => {
                x.upsample_bilinear2d(self.extents, false, None, None)
            }
            Interpolation::Bilinear => {
                let lines =
                    |axis: usize| resample::lines(self.extents[axis] as u64, x.size()[axis + 2] as u64);
                resample::weigh(x, &lines(0), &lines(1))
            }
        }
    }
}
