use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, global, sequence};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// The greatest value of each channel over all of a sequence: `[steps, channels]` to `[channels]` (Lin, Chen and Yan, *Network In
    /// Network*, 2013).
    pub struct GlobalMaxPool1d {
        /// Whether the axes that are pooled away stay, with the extent 1.
        pub keepdims: bool = false,
    }
}

impl LayerConfig for GlobalMaxPool1d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input @ [_, channels] = sequence(inputs)?;
        global::infer(&input, vec![1, channels], channels, self.keepdims)
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { keepdims: self.keepdims })
    }

    fn takes_greatest(&self) -> bool {
        true
    }
}

struct Built {
    keepdims: bool,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        inputs[0].amax([1], self.keepdims)
    }
}
