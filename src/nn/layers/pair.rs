//! An extent in both directions: one number, or height and width.

use serde_json::{Value, json};

use crate::spec::field::found;
use crate::spec::{Field, Pointer, Size, SpecErrors};

/// Height and width; written as one number where they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    pub height: u64,
    pub width: u64,
}

impl Pair {
    pub const fn square(extent: u64) -> Self {
        Self { height: extent, width: extent }
    }

    pub(super) fn libtorch(self) -> [i64; 2] {
        [self.height as i64, self.width as i64]
    }
}

impl Field for Pair {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(items) = value.as_array() else {
            return Size::read(value, at, errors).map(|extent| Self::square(extent.get()));
        };
        let [height, width] = items.as_slice() else {
            errors.push(
                at,
                format!(
                    "must be a number or a pair [height, width], not {} of {}",
                    found(value),
                    items.len()
                ),
            );
            return None;
        };
        let height = Size::read(height, &at.index(0), errors);
        let width = Size::read(width, &at.index(1), errors);
        Some(Self { height: height?.get(), width: width?.get() })
    }

    fn write(&self) -> Value {
        if self.height == self.width { json!(self.height) } else { json!([self.height, self.width]) }
    }

    fn schema() -> Value {
        json!({"anyOf": [Size::schema(), {"type": "array", "items": Size::schema(), "minItems": 2, "maxItems": 2}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_both_and_a_pair_is_each() {
        let read = |value| Pair::read(&value, &Pointer::root(), &mut SpecErrors::new());
        assert_eq!(read(json!(3)), Some(Pair::square(3)));
        assert_eq!(read(json!([2, 3])), Some(Pair { height: 2, width: 3 }));
        assert_eq!(read(json!([2, 3])).unwrap().write(), json!([2, 3]));
        for refused in [json!(0), json!([1]), json!([1, 0]), json!([1, 2, 3]), json!("3")] {
            assert!(read(refused).is_none());
        }
    }
}
