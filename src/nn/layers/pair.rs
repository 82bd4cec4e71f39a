//! An extent in both directions: one number, or height and width.

use serde_json::{Value, json};

use crate::spec::field::{found, whole};
use crate::spec::{Field, Pointer, Size, SpecErrors};

/// Height and width of at least `LEAST`; written as one number where they are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair<const LEAST: u64 = 1> {
    pub height: u64,
    pub width: u64,
}

impl<const LEAST: u64> Pair<LEAST> {
    pub const fn square(extent: u64) -> Self {
        Self { height: extent, width: extent }
    }

    pub(super) fn extents(self) -> [u64; 2] {
        [self.height, self.width]
    }

    pub(super) fn libtorch(self) -> [i64; 2] {
        [self.height as i64, self.width as i64]
    }
}

fn extent<const LEAST: u64>(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<u64> {
    let read = whole(value).and_then(|extent| u64::try_from(extent).ok());
    let read = read.filter(|extent| (LEAST..=Size::MOST).contains(extent));
    if read.is_none() {
        let found = found(value);
        errors.push(at, format!("must be a whole number from {LEAST} to {}, not {found}", Size::MOST));
    }
    read
}

impl<const LEAST: u64> Field for Pair<LEAST> {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(items) = value.as_array() else {
            return extent::<LEAST>(value, at, errors).map(Self::square);
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
        let height = extent::<LEAST>(height, &at.index(0), errors);
        let width = extent::<LEAST>(width, &at.index(1), errors);
        Some(Self { height: height?, width: width? })
    }

    fn write(&self) -> Value {
        if self.height == self.width { json!(self.height) } else { json!([self.height, self.width]) }
    }

    fn schema() -> Value {
        let extent = json!({"type": "integer", "minimum": LEAST, "maximum": Size::MOST});
        json!({"anyOf": [extent, {"type": "array", "items": extent, "minItems": 2, "maxItems": 2}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_both_and_a_pair_is_each() {
        let read = |value| Pair::<1>::read(&value, &Pointer::root(), &mut SpecErrors::new());
        assert_eq!(read(json!(3)), Some(Pair::square(3)));
        assert_eq!(read(json!([2, 3])), Some(Pair { height: 2, width: 3 }));
        assert_eq!(read(json!([2, 3])).unwrap().write(), json!([2, 3]));
        for refused in [json!(0), json!([1]), json!([1, 0]), json!([1, 2, 3]), json!("3")] {
            assert!(read(refused).is_none());
        }
    }
}
