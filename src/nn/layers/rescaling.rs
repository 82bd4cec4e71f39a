use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, single, size};
use crate::nn::Pass;
use crate::spec::{Finite, Shape};

crate::record! {
    /// `f(x) = x · scale + offset`: `{"scale": 0.00392156862745098}` brings bytes into [0, 1].
    pub struct Rescaling {
        /// What values are multiplied by, such as `2`.
        pub scale: Finite,
        /// What is added to that.
        pub offset: Finite = Finite::literal(0.0),
    }
}

impl LayerConfig for Rescaling {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let elements = size(input)?;
        Ok(Inferred::plain(input.clone(), elements.saturating_mul(2), elements))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { scale: self.scale.get(), offset: self.offset.get() })
    }
}

struct Built {
    scale: f64,
    offset: f64,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        inputs[0] * self.scale + self.offset
    }
}
