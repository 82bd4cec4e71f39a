//! How much of something is done: a number, or the two ends that a number is drawn between.

use serde_json::{Value, json};

use crate::spec::field::found;
use crate::spec::{Field, Finite, NonNegative, Pointer, SpecErrors};

/// A factor on both sides of nought: `f` is drawn from [−f, f], and `[low, high]` from between these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span(f64, f64);

impl Span {
    pub const fn around(factor: f64) -> Self {
        Self(-factor, factor)
    }

    pub fn ends(self) -> (f64, f64) {
        (self.0, self.1)
    }
}

/// A factor above nought: `f` is drawn from [0, f], and `[low, high]` from between these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64, f64);

impl Share {
    pub const fn up_to(factor: f64) -> Self {
        Self(0.0, factor)
    }

    pub fn ends(self) -> (f64, f64) {
        (self.0, self.1)
    }
}

/// The two ends of a pair, or of what one number stands for.
fn ends<T: Field>(
    value: &Value,
    at: &Pointer,
    errors: &mut SpecErrors,
    get: fn(T) -> f64,
    one: fn(f64) -> (f64, f64),
) -> Option<(f64, f64)> {
    match value {
        Value::Array(pair) if pair.len() == 2 => {
            let low = T::read(&pair[0], &at.index(0), errors);
            let high = T::read(&pair[1], &at.index(1), errors);
            let (low, high) = (get(low?), get(high?));
            if low > high {
                errors.push(at, "must have its lower end first");
                return None;
            }
            Some((low, high))
        }
        Value::Number(_) => T::read(value, at, errors).map(|number| one(get(number))),
        other => {
            errors.push(at, format!("must be a number or a pair such as [0.1, 0.3], not {}", found(other)));
            None
        }
    }
}

fn schema(number: &Value) -> Value {
    json!({"anyOf": [number, {"type": "array", "items": number, "minItems": 2, "maxItems": 2}]})
}

impl Field for Span {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let span = |factor: f64| (-factor.abs(), factor.abs());
        ends(value, at, errors, Finite::get, span).map(|(low, high)| Self(low, high))
    }

    fn write(&self) -> Value {
        if self.0 == -self.1 { json!(self.1) } else { json!([self.0, self.1]) }
    }

    fn schema() -> Value {
        schema(&Finite::schema())
    }
}

impl Field for Share {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let share = |factor: f64| (0.0, factor);
        ends(value, at, errors, NonNegative::get, share).map(|(low, high)| Self(low, high))
    }

    fn write(&self) -> Value {
        if self.0 == 0.0 { json!(self.1) } else { json!([self.0, self.1]) }
    }

    fn schema() -> Value {
        schema(&NonNegative::schema())
    }
}
