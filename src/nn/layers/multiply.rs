use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, merge};
use crate::spec::Shape;

crate::record! {
    /// The product of two or more inputs of one shape, element by element. An axis of the extent 1 stands for as many as the
    /// others have, so that `[channels, 1, 1]` weighs the channels of an image.
    pub struct Multiply {}
}

impl LayerConfig for Multiply {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        merge::infer(inputs, "multiplied", inputs.len() as u64)
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        merge::build(|one, other| one * other)
    }
}
