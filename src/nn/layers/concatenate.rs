use tch::Tensor;

use super::{Axis, FieldError, Forward, Inferred, LayerConfig, NodeContext, features, size};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// Two or more inputs put behind one another along an axis; they agree in all others.
    pub struct Concatenate {
        /// The axis, counted as Keras counts: 0 is the batch, 1 the first of the shape, −1 the last. Where it is
        /// absent it is the channels: the first axis of an image `[channels, height, width]`, the last of anything
        /// else.
        pub axis: Option<Axis> = None,
    }
}

impl Concatenate {
    /// The index into a shape of `rank` axes.
    fn index(&self, rank: usize) -> Option<usize> {
        match self.axis {
            None => features(rank),
            Some(axis) => axis.index(rank),
        }
    }
}

impl LayerConfig for Concatenate {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [first, rest @ ..] = inputs else { return Err(FieldError::whole("takes at least two inputs")) };
        if rest.is_empty() {
            return Err(FieldError::whole("takes at least two inputs, not one"));
        }
        let Some(axis) = self.index(first.len()) else {
            return Err(FieldError::new("axis", format!("the shape {first:?} has no such axis")));
        };
        let mut output = first.clone();
        for other in rest {
            let agree = |at: usize| at == axis || other[at] == first[at];
            if other.len() != first.len() || !(0..first.len()).all(agree) {
                return Err(FieldError::new(
                    "inputs",
                    format!(
                        "the shapes {first:?} and {other:?} differ elsewhere than in the axis that is joined"
                    ),
                ));
            }
            output[axis] = output[axis]
                .checked_add(other[axis])
                .ok_or_else(|| FieldError::whole("its values are too many to be counted"))?;
        }
        let elements = size(&output)?;
        Ok(Inferred::plain(output, 0, elements))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let rank = inputs.first().map_or(0, Vec::len);
        Box::new(Built { axis: self.index(rank).unwrap_or_default() as i64 + 1 })
    }
}

struct Built {
    axis: i64,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        Tensor::cat(inputs, self.axis)
    }
}
