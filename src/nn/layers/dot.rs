use serde_json::{Value, json};
use tch::{Kind, Tensor};

use super::{Axis, FieldError, Forward, Inferred, LayerConfig, NodeContext, product};
use crate::nn::Pass;
use crate::spec::{Field, Pointer, Shape, SpecErrors};

crate::record! {
    /// The products of two inputs, summed along an axis of each: of two vectors their dot product `[1]`, of two matrices
    /// their matrix product. What remains of the first shape stands before what remains of the second.
    pub struct Dot {
        /// The axis, such as `1`, or one for each input: counted as Keras counts, 0 is the batch, 1 the first of the shape, −1 the last.
        pub axes: Axes,
        /// Whether each is first divided by its length along the axis, so that the cosine of the angle comes out.
        pub normalize: bool = false,
    }
}

/// The axes that are summed along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axes([Axis; 2]);

impl Field for Axes {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value.as_array().map(Vec::as_slice) {
            Some([one, other]) => {
                let (one, other) =
                    (Axis::read(one, &at.index(0), errors), Axis::read(other, &at.index(1), errors));
                Some(Self([one?, other?]))
            }
            _ => Axis::read(value, at, errors).map(|axis| Self([axis; 2])),
        }
    }

    fn write(&self) -> Value {
        let [one, other] = self.0;
        if one == other { one.write() } else { json!([one.write(), other.write()]) }
    }

    fn schema() -> Value {
        json!({"anyOf": [Axis::schema(), {"type": "array", "items": Axis::schema(), "minItems": 2, "maxItems": 2}]})
    }
}

impl Dot {
    /// Both shapes and the index of each that is summed along.
    fn indices<'a>(&self, inputs: &'a [Shape]) -> Result<[(&'a Shape, usize); 2], FieldError> {
        let [one, other] = inputs else {
            return Err(FieldError::whole(format!("takes two inputs, not {}", inputs.len())));
        };
        let index = |shape: &'a Shape, axis: Axis| {
            let index = axis.index(shape.len());
            index.ok_or_else(|| FieldError::new("axes", format!("the shape {shape:?} has no such axis")))
        };
        let found = [(one, index(one, self.axes.0[0])?), (other, index(other, self.axes.0[1])?)];
        let extents = found.map(|(shape, index)| shape[index]);
        if extents[0] != extents[1] {
            return Err(FieldError::new(
                "axes",
                format!("the extents differ that are summed along: {} and {}", extents[0], extents[1]),
            ));
        }
        Ok(found)
    }
}

/// A shape without one of its axes.
fn without(shape: &Shape, index: usize) -> Shape {
    [&shape[..index], &shape[index + 1..]].concat()
}

impl LayerConfig for Dot {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [one, other] = self.indices(inputs)?;
        let summed = one.0[one.1];
        let mut output = [without(one.0, one.1), without(other.0, other.1)].concat();
        if output.is_empty() {
            output = vec![1];
        }
        let elements = product(&output)?;
        // Axes are brought into the order of a matrix product, and lengths divided by.
        let entering = product(one.0)?.saturating_add(product(other.0)?);
        let saved = entering.saturating_mul(if self.normalize { 3 } else { 1 }).saturating_add(elements);
        Ok(Inferred::plain(output, product(&[2, summed, elements])?, saved))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let output = self.infer(inputs).map(|inferred| inferred.output).unwrap_or_default();
        Box::new(Built {
            axes: self.indices(inputs).map_or([1, 1], |found| found.map(|(_, index)| index as i64 + 1)),
            normalize: self.normalize,
            vectors: inputs.iter().all(|shape| shape.len() == 1),
            output: output.iter().map(|extent| *extent as i64).collect(),
        })
    }
}

struct Built {
    axes: [i64; 2],
    normalize: bool,
    vectors: bool,
    output: Vec<i64>,
}

/// Keras's guard against the division by nought.
const EPSILON: f64 = 1e-7;

impl Built {
    fn normalized(&self, x: &Tensor, axis: i64) -> Tensor {
        if !self.normalize {
            return x.shallow_clone();
        }
        let norm = x.square().sum_dim_intlist(axis, true, None::<Kind>).sqrt();
        x / norm.clamp_min(EPSILON)
    }

    /// The input with the axis that is summed along last: `[n, rest, summed]`.
    fn matrix(&self, x: &Tensor, axis: i64) -> Tensor {
        let x = self.normalized(x, axis);
        let (batch, summed) = (x.size()[0], x.size()[axis as usize]);
        x.movedim_int(axis, -1).reshape([batch, -1, summed])
    }
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        // A matrix product of single rows is no match for a product and its sum.
        if self.vectors {
            let products = self.normalized(inputs[0], 1) * self.normalized(inputs[1], 1);
            return products.sum_dim_intlist([1_i64].as_slice(), true, None::<Kind>);
        }
        let one = self.matrix(inputs[0], self.axes[0]);
        let other = self.matrix(inputs[1], self.axes[1]);
        let shape: Vec<i64> = std::iter::once(one.size()[0]).chain(self.output.iter().copied()).collect();
        one.bmm(&other.transpose(1, 2)).reshape(shape)
    }
}
