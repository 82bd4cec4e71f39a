use tch::Tensor;

use super::{Around, FieldError, Forward, Inferred, LayerConfig, NodeContext, image, product};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// Zeros around an image: `[channels, height, width]` to `[channels, height + top + bottom, width + left + right]`.
    pub struct ZeroPadding2d {
        /// How many: a number, `[height, width]` or `[[top, bottom], [left, right]]`.
        pub padding: Around<2> = Around::even(1),
    }
}

impl LayerConfig for ZeroPadding2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [channels, height, width] = image(inputs)?;
        let [[top, bottom], [left, right]] = self.padding.0;
        let output = vec![channels, height + top + bottom, width + left + right];
        let elements = product(&output)?;
        Ok(Inferred::plain(output, 0, elements))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { around: self.padding.0.map(|around| around.map(|extent| extent as i64)) })
    }
}

struct Built {
    around: [[i64; 2]; 2],
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let [[top, bottom], [left, right]] = self.around;
        inputs[0].pad([left, right, top, bottom], "constant", 0.0)
    }
}
