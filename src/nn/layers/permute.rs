use serde_json::{Value, json};
use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, single};
use crate::nn::Pass;
use crate::spec::field::{found, whole};
use crate::spec::{Field, Pointer, Shape, SpecErrors};

crate::record! {
    /// The axes of its input in another order: `[2, 1]` turns a sequence `[steps, channels]` into `[channels, steps]`.
    pub struct Permute {
        /// For each axis that comes out, which one it was, such as `[2, 1]`; counted from 1, as Keras counts, and in the order of the shape.
        pub dims: Dims,
    }
}

/// The numbers 1 to n, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dims(Vec<usize>);

const MOST_AXES: usize = 3;

impl Field for Dims {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let items = value.as_array().filter(|items| (1..=MOST_AXES).contains(&items.len()));
        let read: Option<Vec<usize>> = items.and_then(|items| {
            items.iter().map(|item| whole(item).and_then(|axis| usize::try_from(axis).ok())).collect()
        });
        let read = read.filter(|dims| (1..=dims.len()).all(|axis| dims.contains(&axis)));
        if read.is_none() {
            let found = found(value);
            errors.push(at, format!("must be the numbers of all axes from 1 on, each once, not {found}"));
        }
        read.map(Self)
    }

    fn write(&self) -> Value {
        json!(self.0)
    }

    fn schema() -> Value {
        json!({"type": "array", "minItems": 1, "maxItems": MOST_AXES, "uniqueItems": true,
               "items": {"type": "integer", "minimum": 1, "maximum": MOST_AXES}})
    }
}

impl LayerConfig for Permute {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        if input.len() != self.dims.0.len() {
            return Err(FieldError::new(
                "dims",
                format!("names {} axes, and the shape {input:?} has {}", self.dims.0.len(), input.len()),
            ));
        }
        Ok(Inferred::plain(self.dims.0.iter().map(|axis| input[axis - 1]).collect(), 0, 0))
    }

    fn build(&self, _inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let dims = std::iter::once(0).chain(self.dims.0.iter().map(|axis| *axis as i64));
        Box::new(Built { dims: dims.collect() })
    }
}

struct Built {
    /// The batch stays first.
    dims: Vec<i64>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        inputs[0].permute(&self.dims)
    }
}
