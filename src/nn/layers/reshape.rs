use serde_json::{Value, json};
use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, product, single, size};
use crate::nn::Pass;
use crate::spec::field::{found, whole};
use crate::spec::{Field, Pointer, Shape, Size, SpecErrors};

crate::record! {
    /// The same values in another shape, in the order of the shape's axes: an image `[channels, height, width]` gives its
    /// channels one after the other (where Keras gives `[height, width, channels]`).
    pub struct Reshape {
        /// The shape that comes out, such as `[-1]`, without the batch; one extent may be −1 and is what the others leave.
        pub target_shape: TargetShape,
    }
}

/// Extents, of which one may be open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetShape(Vec<Option<u64>>);

/// As many axes as an input has at most.
const MOST_AXES: usize = 3;

impl Field for TargetShape {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let extent = |value: &Value| match whole(value) {
            Some(-1) => Some(None),
            extent => {
                extent.and_then(|extent| u64::try_from(extent).ok()).filter(|extent| *extent > 0).map(Some)
            }
        };
        let items = value.as_array().filter(|items| (1..=MOST_AXES).contains(&items.len()));
        let read = items.and_then(|items| items.iter().map(extent).collect::<Option<Vec<_>>>());
        let read = read.filter(|read| read.iter().filter(|extent| extent.is_none()).count() <= 1);
        if read.is_none() {
            let found = found(value);
            errors.push(
                at,
                format!(
                    "must be a list of 1 to {MOST_AXES} extents above 0, of which one may be -1, not {found}"
                ),
            );
        }
        read.map(Self)
    }

    fn write(&self) -> Value {
        self.0.iter().map(|extent| extent.map_or(json!(-1), |extent| json!(extent))).collect()
    }

    fn schema() -> Value {
        json!({"type": "array", "minItems": 1, "maxItems": MOST_AXES,
               "items": {"type": "integer", "minimum": -1, "not": {"const": 0}, "maximum": Size::MOST * Size::MOST}})
    }
}

impl LayerConfig for Reshape {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let elements = size(input)?;
        let said: Shape = self.target_shape.0.iter().copied().flatten().collect();
        let known = product(&said)?;
        let open = self.target_shape.0.iter().any(Option::is_none);
        if if open { !elements.is_multiple_of(known) } else { elements != known } {
            return Err(FieldError::new(
                "target_shape",
                format!("the {elements} values of the shape {input:?} do not fill it"),
            ));
        }
        let output = self.target_shape.0.iter().map(|extent| extent.unwrap_or(elements / known)).collect();
        // Images may stand in memory with their channels innermost, and are then copied.
        let copied = if input.len() == 3 { elements } else { 0 };
        Ok(Inferred::plain(output, 0, copied))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let output = self.infer(inputs).map(|inferred| inferred.output).unwrap_or_default();
        Box::new(Built { shape: output.iter().map(|extent| *extent as i64).collect() })
    }
}

struct Built {
    shape: Vec<i64>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = inputs[0];
        let shape: Vec<i64> = std::iter::once(x.size()[0]).chain(self.shape.iter().copied()).collect();
        x.reshape(shape)
    }
}
