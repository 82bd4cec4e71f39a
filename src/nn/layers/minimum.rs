use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, merge};
use crate::spec::Shape;

crate::record! {
    /// The least of two or more inputs of one shape, element by element. An axis of the extent 1 stands for as many as the
    /// others have.
    pub struct Minimum {}
}

impl LayerConfig for Minimum {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        merge::infer(inputs, "compared", 2 * inputs.len() as u64)
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        merge::build(Tensor::minimum)
    }
}
