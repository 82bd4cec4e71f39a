use serde_json::{Value, json};

use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;
use crate::spec::field::found;
use crate::spec::{Field, Pointer, SpecErrors};

crate::record! {
    /// Given values: a number for every element, or a nested array of them all in Keras's order of axes (dense kernels
    /// `[in, out]`, convolution kernels `[height, width, in, out]`, biases `[out]`).
    pub struct Constant {
        /// A number, such as `0.5`, or a nested array of numbers.
        pub value: Values,
    }
}

/// A number, or an array of arrays of … numbers, as regular as a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// None for a number.
    shape: Vec<u64>,
    values: Vec<f64>,
}

/// No parameter has more axes.
const MOST_AXES: usize = 6;

impl Values {
    /// Reads one level: the extents below it, or `None` where something was refused.
    fn gather(
        &mut self,
        value: &Value,
        at: &Pointer,
        depth: usize,
        errors: &mut SpecErrors,
    ) -> Option<Vec<u64>> {
        if let Some(number) = value.as_f64().filter(|number| (*number as f32).is_finite()) {
            self.values.push(number);
            return Some(Vec::new());
        }
        let Some(items) = value.as_array().filter(|items| depth < MOST_AXES && !items.is_empty()) else {
            errors.push(at, format!("must be a number or a nested array of numbers, not {}", found(value)));
            return None;
        };
        let first = self.gather(&items[0], &at.index(0), depth + 1, errors)?;
        for (index, item) in items.iter().enumerate().skip(1) {
            let at = at.index(index);
            let other = self.gather(item, &at, depth + 1, errors)?;
            if other != first {
                errors.push(&at, format!("has the shape {other:?}, and what stands before it {first:?}"));
                return None;
            }
        }
        Some(std::iter::once(items.len() as u64).chain(first).collect())
    }

    fn nested(shape: &[u64], values: &[f64]) -> Value {
        match shape {
            [] => json!(values.first()),
            [_, inner @ ..] => {
                let size = inner.iter().product::<u64>().max(1) as usize;
                values.chunks(size).map(|part| Self::nested(inner, part)).collect()
            }
        }
    }
}

impl Field for Values {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let mut read = Self { shape: Vec::new(), values: Vec::new() };
        read.shape = read.gather(value, at, 0, errors)?;
        Some(read)
    }

    fn write(&self) -> Value {
        Self::nested(&self.shape, &self.values)
    }

    fn schema() -> Value {
        json!({"$ref": "#/components/schemas/Numbers"})
    }
}

impl InitializerConfig for Constant {
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        let wanted = parameter.layout.documented(&parameter.shape);
        if self.value.shape.is_empty() || self.value.shape == wanted {
            return Ok(());
        }
        Err(format!(
            "the value has the shape {:?}, and the {} has {wanted:?}",
            self.value.shape, parameter.name
        ))
    }

    fn fill(&self, parameter: &ParameterSpec, _draws: Draws) -> Vec<f32> {
        let values: Vec<f32> = self.value.values.iter().map(|value| *value as f32).collect();
        if self.value.shape.is_empty() {
            return vec![values.first().copied().unwrap_or_default(); parameter.elements() as usize];
        }
        parameter.layout.to_libtorch(&values, &parameter.shape)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ragged_and_odd_values_are_refused_at_their_place() {
        for (value, place) in [
            (json!([[1, 2], [3]]), "/1"),
            (json!([1, [2]]), "/1"),
            (json!([]), ""),
            (json!("1"), ""),
            (json!([1, null]), "/1"),
            (json!(1e300), ""),
            (json!([[[[[[[1]]]]]]]), "/0/0/0/0/0/0"),
        ] {
            let mut errors = SpecErrors::new();
            assert!(Values::read(&value, &Pointer::root(), &mut errors).is_none(), "{value}");
            assert_eq!(errors.iter().next().unwrap().pointer.as_str(), place, "{value}");
        }
        let nested = json!([[1.5, 2.0], [3.0, 4.0]]);
        assert_eq!(Values::read(&nested, &Pointer::root(), &mut SpecErrors::new()).unwrap().write(), nested);
    }
}
