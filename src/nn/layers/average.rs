use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, merge};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// The mean of two or more inputs of one shape, element by element. An axis of the extent 1 stands for as many as the
    /// others have.
    pub struct Average {}
}

impl LayerConfig for Average {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        merge::infer(inputs, "averaged", 1)
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { sum: merge::build(|one, other| one + other) })
    }
}

struct Built {
    sum: Box<dyn Forward>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], pass: &Pass) -> Tensor {
        self.sum.forward(inputs, pass) / inputs.len() as i64
    }
}
