use tch::Tensor;

use super::{Around, FieldError, Forward, Inferred, LayerConfig, NodeContext, image};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// An image without its edges: `[channels, height, width]` to `[channels, height − top − bottom, width − left − right]`.
    pub struct Cropping2d {
        /// How much is cut off: a number, `[height, width]` or `[[top, bottom], [left, right]]`.
        pub cropping: Around<2> = Around::even(0),
    }
}

impl Cropping2d {
    /// Height and width of what is left.
    fn left(&self, extents: [u64; 2]) -> Result<[u64; 2], FieldError> {
        let along = |axis: usize| {
            let [before, behind] = self.cropping.0[axis];
            extents[axis].checked_sub(before + behind).filter(|left| *left > 0)
        };
        let nothing = || {
            let [height, width] = extents;
            FieldError::new("cropping", format!("leaves nothing of an image of {height} × {width}"))
        };
        Ok([along(0).ok_or_else(nothing)?, along(1).ok_or_else(nothing)?])
    }
}

impl LayerConfig for Cropping2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [channels, height, width] = image(inputs)?;
        let [height, width] = self.left([height, width])?;
        Ok(Inferred::plain(vec![channels, height, width], 0, 0))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { around: self.cropping.0.map(|around| around.map(|extent| extent as i64)) })
    }
}

struct Built {
    around: [[i64; 2]; 2],
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let [[top, bottom], [left, right]] = self.around;
        let x = inputs[0];
        let (height, width) = (x.size()[2], x.size()[3]);
        x.narrow(2, top, height - top - bottom).narrow(3, left, width - left - right)
    }
}
