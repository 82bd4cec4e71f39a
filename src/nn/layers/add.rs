use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, product, size};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// The sum of two or more inputs of one shape, element by element.
    pub struct Add {}
}

impl LayerConfig for Add {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [first, rest @ ..] = inputs else { return Err(FieldError::whole("takes at least two inputs")) };
        if rest.is_empty() {
            return Err(FieldError::whole("takes at least two inputs, not one"));
        }
        if let Some(other) = rest.iter().find(|other| *other != first) {
            return Err(FieldError::new(
                "inputs",
                format!("the shapes {first:?} and {other:?} cannot be added"),
            ));
        }
        let elements = size(first)?;
        Ok(Inferred::plain(first.clone(), product(&[elements, rest.len() as u64])?, elements))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built)
    }
}

struct Built;

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let sum = inputs[0] + inputs[1];
        inputs[2..].iter().fold(sum, |sum, input| sum + *input)
    }
}
