use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, single, size};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// All values of its input as one vector. An image gives its channels one after the other, `[channels, height,
    /// width]` in that order (where Keras flattens `[height, width, channels]`), row by row.
    pub struct Flatten {}
}

impl LayerConfig for Flatten {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let elements = size(input)?;
        // Images may stand in memory with their channels innermost, and are then copied.
        let copied = if input.len() == 3 { elements } else { 0 };
        Ok(Inferred::plain(vec![elements], 0, copied))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built)
    }
}

struct Built;

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = inputs[0];
        x.reshape([x.size()[0], x.size()[1..].iter().product()])
    }
}
