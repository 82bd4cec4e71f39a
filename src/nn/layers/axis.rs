//! The number of an axis in a body.

use serde_json::{Value, json};

use crate::spec::field::{found, whole};
use crate::spec::{Field, Pointer, SpecErrors};

/// An axis, counted as Keras counts: 0 is the batch, which it cannot be, 1 the first of the shape, −1 the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Axis(i64);

impl Axis {
    /// The index into a shape of `rank` axes.
    pub(super) fn index(self, rank: usize) -> Option<usize> {
        let index = if self.0 > 0 { self.0 - 1 } else { rank as i64 + self.0 };
        usize::try_from(index).ok().filter(|index| *index < rank)
    }
}

impl Field for Axis {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read = whole(value).filter(|axis| *axis != 0 && (-8..=8).contains(axis));
        if read.is_none() {
            errors.push(
                at,
                format!(
                    "must be a whole number from -8 to 8 and not 0, which is the batch; not {}",
                    found(value)
                ),
            );
        }
        read.map(Self)
    }

    fn write(&self) -> Value {
        json!(self.0)
    }

    fn schema() -> Value {
        json!({"type": "integer", "minimum": -8, "maximum": 8, "not": {"const": 0}})
    }
}
