use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Word};
use crate::spec::Shape;

crate::record! {
    /// An activation as a layer of its own: `{"type": "activation", "activation": "relu"}` is `{"type": "relu"}`.
    pub struct Activation {
        /// What is applied.
        pub activation: Word,
    }
}

impl LayerConfig for Activation {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        LayerConfig::infer(&self.activation, inputs)
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], node: &NodeContext) -> Box<dyn Forward> {
        LayerConfig::build(&self.activation, inputs, parameters, node)
    }

    fn activation(&self) -> Option<&Word> {
        Some(&self.activation)
    }
}
