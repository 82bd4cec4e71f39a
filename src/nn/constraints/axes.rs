//! The axes along which a constraint measures.

use serde_json::{Value, json};

use crate::nn::initializers::ParameterSpec;
use crate::spec::field::{found, whole};
use crate::spec::{Field, Pointer, SpecErrors};

/// One axis of a parameter or several, in the document's order and counted from 0, or from the end below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axes(Vec<i64>);

impl Axes {
    /// The first alone: what flows into one output of a dense layer.
    pub fn first() -> Self {
        Self(vec![0])
    }

    /// Their places among libtorch's axes of a parameter.
    fn places(&self, parameter: &ParameterSpec) -> Result<Vec<i64>, i64> {
        let rank = parameter.shape.len();
        let place = |axis: &i64| {
            let counted = if *axis < 0 { axis + rank as i64 } else { *axis };
            let counted = usize::try_from(counted).ok().filter(|counted| *counted < rank);
            let place = counted.and_then(|counted| parameter.layout.place(counted, rank));
            place.map(|place| place as i64).ok_or(*axis)
        };
        self.0.iter().map(place).collect()
    }

    pub(super) fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        let (name, shape) = (&parameter.name, parameter.documented());
        let places = self.places(parameter).map_err(|axis| {
            format!("the {name} of the shape {shape:?} has no axis {axis}; axes are counted from 0")
        })?;
        let again = (1..places.len()).find(|at| places[..*at].contains(&places[*at]));
        again.map_or(Ok(()), |at| {
            let axis = self.0[at];
            Err(format!("axis {axis} of the {name} of the shape {shape:?} stands there already, counted from its other end"))
        })
    }

    /// The same of what was checked.
    pub(super) fn of(&self, parameter: &ParameterSpec) -> Vec<i64> {
        self.places(parameter).unwrap_or_default()
    }
}

impl Field for Axes {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let axis = |value: &Value| whole(value).filter(|axis| (-8..8).contains(axis));
        let read = match value.as_array() {
            Some(items) if (1..=8).contains(&items.len()) => items.iter().map(axis).collect(),
            Some(_) => None,
            None => axis(value).map(|axis| vec![axis]),
        };
        let mut seen = std::collections::HashSet::new();
        let read = read.filter(|axes: &Vec<i64>| axes.iter().all(|axis| seen.insert(*axis)));
        if read.is_none() {
            let found = found(value);
            errors.push(at, format!("must be an axis or a list of different axes from -8 to 7, not {found}"));
        }
        read.map(Self)
    }

    fn write(&self) -> Value {
        if let [axis] = self.0[..] { json!(axis) } else { json!(self.0) }
    }

    fn schema() -> Value {
        let axis = json!({"type": "integer", "minimum": -8, "maximum": 7});
        json!({"anyOf": [axis, {"type": "array", "items": axis, "minItems": 1, "maxItems": 8, "uniqueItems": true}]})
    }
}
