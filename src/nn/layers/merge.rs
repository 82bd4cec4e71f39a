//! What layers share that put inputs of one shape together, element by element.

use tch::Tensor;

use super::{FieldError, Forward, Inferred, product, size};
use crate::nn::Pass;
use crate::spec::Shape;

/// The shape that inputs come to together. An axis of the extent 1 stands for as many as the others have.
pub(super) fn shape(inputs: &[Shape], verb: &str) -> Result<Shape, FieldError> {
    let [first, rest @ ..] = inputs else { return Err(FieldError::whole("takes at least two inputs")) };
    if rest.is_empty() {
        return Err(FieldError::whole("takes at least two inputs, not one"));
    }
    rest.iter().try_fold(first.clone(), |shape, other| {
        let extent = |(one, other): (&u64, &u64)| match (*one, *other) {
            (one, other) if one == other => Some(one),
            (1, extent) | (extent, 1) => Some(extent),
            _ => None,
        };
        let together = (shape.len() == other.len())
            .then(|| shape.iter().zip(other).map(extent).collect::<Option<Shape>>())
            .flatten();
        together.ok_or_else(|| {
            FieldError::new("inputs", format!("the shapes {shape:?} and {other:?} cannot be {verb}"))
        })
    })
}

/// `kept` says how many of its values an element leaves for the way back, the output included.
pub(super) fn infer(inputs: &[Shape], verb: &str, kept: u64) -> Result<Inferred, FieldError> {
    let output = shape(inputs, verb)?;
    let elements = size(&output)?;
    let flops = product(&[elements, inputs.len() as u64 - 1])?;
    let saved = product(&[elements, kept])?;
    Ok(Inferred::plain(output, flops, saved))
}

/// Puts the first two together, then that and the third, and so on.
pub(super) fn build(merge: fn(&Tensor, &Tensor) -> Tensor) -> Box<dyn Forward> {
    Box::new(Built { merge })
}

struct Built {
    merge: fn(&Tensor, &Tensor) -> Tensor,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let first = (self.merge)(inputs[0], inputs[1]);
        inputs[2..].iter().fold(first, |merged, input| (self.merge)(&merged, input))
    }
}
