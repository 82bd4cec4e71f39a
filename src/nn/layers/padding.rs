//! What stands around an image or a sequence.

use serde_json::{Value, json};

use crate::spec::field::{found, whole};
use crate::spec::{Field, Pointer, Size, SpecErrors};

/// Extents before and behind along each axis: one for a sequence, height and width for an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Around<const AXES: usize>(pub [[u64; 2]; AXES]);

impl<const AXES: usize> Around<AXES> {
    pub const fn even(extent: u64) -> Self {
        Self([[extent; 2]; AXES])
    }
}

/// What stands around an input: nothing, as much as keeps `⌈extent / stride⌉` windows, or what is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding<const AXES: usize> {
    Valid,
    Same,
    Explicit(Around<AXES>),
}

impl Padding<1> {
    /// That of an image of the height 1.
    pub(super) fn flat(&self) -> Padding<2> {
        match self {
            Self::Valid => Padding::Valid,
            Self::Same => Padding::Same,
            Self::Explicit(Around([steps])) => Padding::Explicit(Around([[0, 0], *steps])),
        }
    }
}

fn extent(value: &Value) -> Option<u64> {
    whole(value).and_then(|extent| u64::try_from(extent).ok()).filter(|extent| *extent <= Size::MOST)
}

fn pair(value: &Value) -> Option<[u64; 2]> {
    match value.as_array()?.as_slice() {
        [first, second] => Some([extent(first)?, extent(second)?]),
        _ => None,
    }
}

fn extent_schema() -> Value {
    json!({"type": "integer", "minimum": 0, "maximum": Size::MOST})
}

fn pair_schema() -> Value {
    json!({"type": "array", "items": extent_schema(), "minItems": 2, "maxItems": 2})
}

impl Field for Around<2> {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let of_pairs = |value: &Value| match value.as_array()?.as_slice() {
            [vertical, horizontal] => Some([pair(vertical)?, pair(horizontal)?]),
            _ => None,
        };
        let read = extent(value)
            .map(|extent| [[extent; 2]; 2])
            .or_else(|| pair(value).map(|[vertical, horizontal]| [[vertical; 2], [horizontal; 2]]))
            .or_else(|| of_pairs(value));
        if read.is_none() {
            let found = found(value);
            errors.push(
                at,
                format!(
                    "must be a number of cells, a pair [height, width] or [[top, bottom], [left, right]], not {found}"
                ),
            );
        }
        read.map(Self)
    }

    fn write(&self) -> Value {
        match self.0 {
            [[top, bottom], [left, right]] if top == bottom && left == right => {
                if top == left {
                    json!(top)
                } else {
                    json!([top, left])
                }
            }
            around => json!(around),
        }
    }

    fn schema() -> Value {
        let pairs = json!({"type": "array", "items": pair_schema(), "minItems": 2, "maxItems": 2});
        json!({"anyOf": [extent_schema(), pair_schema(), pairs]})
    }
}

impl Field for Around<1> {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read = extent(value).map(|extent| [extent; 2]).or_else(|| pair(value));
        if read.is_none() {
            let found = found(value);
            errors.push(at, format!("must be a number of steps or a pair [before, behind], not {found}"));
        }
        read.map(|around| Self([around]))
    }

    fn write(&self) -> Value {
        let [[before, behind]] = self.0;
        if before == behind { json!(before) } else { json!([before, behind]) }
    }

    fn schema() -> Value {
        json!({"anyOf": [extent_schema(), pair_schema()]})
    }
}

impl<const AXES: usize> Field for Padding<AXES>
where
    Around<AXES>: Field,
{
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(word) if word == "valid" => Some(Self::Valid),
            Value::String(word) if word == "same" => Some(Self::Same),
            Value::String(_) => {
                errors.push(at, format!("must be valid, same or extents, not {}", found(value)));
                None
            }
            extents => Around::read(extents, at, errors).map(Self::Explicit),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Valid => json!("valid"),
            Self::Same => json!("same"),
            Self::Explicit(around) => around.write(),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "string", "enum": ["valid", "same"]}, Around::<AXES>::schema()]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extents_are_read_in_every_form_and_written_in_the_shortest() {
        let read = |value: &Value| Padding::<2>::read(value, &Pointer::root(), &mut SpecErrors::new());
        for value in
            [json!("same"), json!("valid"), json!(0), json!(3), json!([1, 2]), json!([[1, 2], [0, 4]])]
        {
            assert_eq!(read(&value).unwrap().write(), value);
        }
        assert_eq!(read(&json!([[1, 1], [2, 2]])).unwrap().write(), json!([1, 2]));
        for refused in
            [json!("full"), json!(-1), json!([1]), json!([1, [2, 3]]), json!([[1, 2]]), json!(2_000_000)]
        {
            assert_eq!(read(&refused), None, "{refused}");
        }
        let line = |value: &Value| Padding::<1>::read(value, &Pointer::root(), &mut SpecErrors::new());
        assert_eq!(line(&json!([2, 0])), Some(Padding::Explicit(Around([[2, 0]]))));
        assert_eq!(line(&json!([[2, 0]])), None);
    }
}
