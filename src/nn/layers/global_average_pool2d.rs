use tch::{Kind, Tensor};

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, global, image};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// The mean of each channel over all of an image: `[channels, height, width]` to `[channels]` (Lin, Chen and Yan, *Network In
    /// Network*, 2013).
    pub struct GlobalAveragePool2d {
        /// Whether the axes that are pooled away stay, with the extent 1.
        pub keepdims: bool = false,
    }
}

impl LayerConfig for GlobalAveragePool2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input @ [channels, ..] = image(inputs)?;
        global::infer(&input, vec![channels, 1, 1], channels, self.keepdims)
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { keepdims: self.keepdims })
    }
}

struct Built {
    keepdims: bool,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        inputs[0].mean_dim([2_i64, 3].as_slice(), self.keepdims, None::<Kind>)
    }
}
