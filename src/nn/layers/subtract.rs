use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, merge};
use crate::spec::Shape;

crate::record! {
    /// The first of two inputs of one shape less the second, element by element. An axis of the extent 1 stands for as many as
    /// the other has.
    pub struct Subtract {}
}

impl LayerConfig for Subtract {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        if inputs.len() > 2 {
            return Err(FieldError::whole(format!("takes two inputs, not {}", inputs.len())));
        }
        merge::infer(inputs, "subtracted", 1)
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        merge::build(|one, other| one - other)
    }
}
