//! What may stand in a body: how it is read (with every mistake noted), written, and described as JSON Schema.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Pointer, SpecErrors};

/// A value of a body.
pub trait Field: Sized {
    /// Reads the value at `at`; `None` when it was refused, and then at least one mistake was noted.
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self>;
    fn write(&self) -> Value;
    /// JSON Schema, draft 2020-12.
    fn schema() -> Value;
}

/// A short rendering of a refused value for a message.
pub fn found(value: &Value) -> String {
    const MOST: usize = 40;
    match value {
        Value::Array(_) => "an array".into(),
        Value::Object(_) => "an object".into(),
        other => {
            let text = other.to_string();
            if text.chars().count() <= MOST { text } else { text.chars().take(MOST).chain(['…']).collect() }
        }
    }
}

/// A whole number, also when it is written as `3.0`.
pub fn whole(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| {
        let number = value.as_f64()?;
        (number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0).then_some(number as i64)
    })
}

/// The nearest of `known` to `word`, when it is near enough to be what was meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // Nobody mistypes a word this long, and comparing it with thousands takes a while.
    const LONGEST: usize = 64;
    const MOST: usize = 1_000;
    if word.len() > LONGEST {
        return None;
    }
    known
        .into_iter()
        .take(MOST)
        .filter(|candidate| candidate.len() <= 2 * LONGEST)
        .map(|candidate| (strsim::normalized_damerau_levenshtein(word, candidate), candidate))
        .filter(|(likeness, candidate)| {
            *likeness >= 0.6
                || (word.len() >= 3 && candidate.starts_with(word))
                || word.starts_with(candidate)
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// `; did you mean "…"?`, or nothing.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(word, known).map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default()
}

impl Field for bool {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read = value.as_bool();
        if read.is_none() {
            errors.push(at, format!("must be true or false, not {}", found(value)));
        }
        read
    }

    fn write(&self) -> Value {
        Value::Bool(*self)
    }

    fn schema() -> Value {
        json!({"type": "boolean"})
    }
}

impl Field for String {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read = value.as_str().map(str::to_owned);
        if read.is_none() {
            errors.push(at, format!("must be a text, not {}", found(value)));
        }
        read
    }

    fn write(&self) -> Value {
        Value::String(self.clone())
    }

    fn schema() -> Value {
        json!({"type": "string"})
    }
}

impl<T: Field> Field for Option<T> {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::read(value, at, errors).map(Some) }
    }

    fn write(&self) -> Value {
        self.as_ref().map_or(Value::Null, Field::write)
    }

    fn schema() -> Value {
        json!({"anyOf": [T::schema(), {"type": "null"}]})
    }
}

impl<T: Field> Field for Vec<T> {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(items) = value.as_array() else {
            errors.push(at, format!("must be a list, not {}", found(value)));
            return None;
        };
        // Every item is read before the verdict, so that every mistake is noted.
        let read: Vec<Option<T>> =
            items.iter().enumerate().map(|(index, item)| T::read(item, &at.index(index), errors)).collect();
        read.into_iter().collect()
    }

    fn write(&self) -> Value {
        self.iter().map(Field::write).collect()
    }

    fn schema() -> Value {
        json!({"type": "array", "items": T::schema()})
    }
}

impl<T: Field> Field for BTreeMap<String, T> {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(members) = value.as_object() else {
            errors.push(at, format!("must be an object, not {}", found(value)));
            return None;
        };
        let read: Vec<Option<(String, T)>> = members
            .iter()
            .map(|(key, member)| Some((key.clone(), T::read(member, &at.key(key), errors)?)))
            .collect();
        read.into_iter().collect()
    }

    fn write(&self) -> Value {
        self.iter().map(|(key, member)| (key.clone(), member.write())).collect()
    }

    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": T::schema()})
    }
}

/// Whole numbers within bounds: a type each, so that a struct's fields say what they hold.
macro_rules! whole_numbers {
    ($($(#[$meta:meta])* $name:ident: $inner:ty, $least:literal..=$most:literal;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name($inner);

        impl $name {
            pub const LEAST: $inner = $least;
            pub const MOST: $inner = $most;

            /// The number, brought within the bounds.
            pub fn clamped(number: $inner) -> Self {
                Self(number.clamp(Self::LEAST, Self::MOST))
            }

            pub fn get(self) -> $inner {
                self.0
            }
        }

        impl Field for $name {
            fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
                let read = whole(value)
                    .and_then(|number| <$inner>::try_from(number).ok())
                    .filter(|number| (Self::LEAST..=Self::MOST).contains(number));
                if read.is_none() {
                    errors.push(
                        at,
                        format!(
                            "must be a whole number from {} to {}, not {}",
                            Self::LEAST,
                            Self::MOST,
                            found(value)),
                    );
                }
                read.map(Self)
            }

            fn write(&self) -> Value {
                json!(self.0)
            }

            fn schema() -> Value {
                json!({"type": "integer", "minimum": Self::LEAST, "maximum": Self::MOST})
            }
        }
    )*};
}

whole_numbers! {
    /// A width or extent of a layer: units, filters, kernel sizes, strides, examples in a batch.
    Size: u64, 1..=1_048_576;
    /// How often a block of layers stands.
    Repeats: u64, 1..=1_000;
    /// Passes over the training part; none gives the untrained model.
    Epochs: u64, 0..=1_000_000;
    /// A number of something, possibly none.
    Count: u64, 0..=1_000_000_000;
    /// The number of a version.
    Version: u32, 1..=2_147_483_647;
    /// A seed: any whole number that a double holds exactly.
    Seed: u64, 0..=9_007_199_254_740_991;
    /// Greater goes first.
    Priority: i64, -1_000..=1_000;
    Attempts: u32, 1..=1_000;
    Threads: u32, 1..=1_024;
    /// Intervals of equal width.
    Bins: u32, 1..=10_000;
    /// Memory in MiB.
    Megabytes: u64, 64..=16_777_216;
    /// A duration in whole seconds, at most ten years.
    Seconds: u64, 1..=315_360_000;
}

/// Real numbers within bounds.
macro_rules! real_numbers {
    ($($(#[$meta:meta])* $name:ident: $bounds:literal, |$number:ident| $holds:expr, $schema:tt;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name(f64);

        impl $name {
            /// `None` where the number is outside the bounds.
            pub fn new($number: f64) -> Option<Self> {
                ($number.is_finite() && $holds).then_some(Self($number))
            }

            pub fn get(self) -> f64 {
                self.0
            }

            /// A default of a struct's field; the bounds are the writer's affair.
            pub const fn literal(number: f64) -> Self {
                Self(number)
            }
        }

        impl Field for $name {
            fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
                let read = value.as_f64().and_then(Self::new);
                if read.is_none() {
                    errors.push(at, format!("must be {}, not {}", $bounds, found(value)));
                }
                read
            }

            fn write(&self) -> Value {
                json!(self.0)
            }

            fn schema() -> Value {
                json!($schema)
            }
        }
    )*};
}

real_numbers! {
    /// Any finite number.
    Finite: "a finite number", |_number| true, {"type": "number"};
    /// A number above zero.
    Positive: "a number above 0", |number| number > 0.0, {"type": "number", "exclusiveMinimum": 0};
    /// A number of at least zero.
    NonNegative: "a number of at least 0", |number| number >= 0.0, {"type": "number", "minimum": 0};
    /// A learning rate.
    LearningRate: "a number above 0 and at most 1000000", |number| number > 0.0 && number <= 1e6,
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1_000_000};
    /// A share of something: neither nothing nor all of it.
    Fraction: "a number above 0 and below 1", |number| number > 0.0 && number < 1.0,
        {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1};
    /// A share of something that may be nothing or all of it.
    Share: "a number from 0 to 1", |number| (0.0..=1.0).contains(&number),
        {"type": "number", "minimum": 0, "maximum": 1};
    /// A factor that makes nothing smaller.
    AtLeastOne: "a number of at least 1", |number| number >= 1.0, {"type": "number", "minimum": 1};
    /// A rate that may be zero: dropout, momentum, decay of a mean.
    Rate: "a number of at least 0 and below 1", |number| (0.0..1.0).contains(&number),
        {"type": "number", "minimum": 0, "exclusiveMaximum": 1};
}

/// Texts of one form.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident: $pattern:literal, $form:literal, $holds:expr;)*) => {$(
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: &str) -> Option<Self> {
                let holds: fn(&str) -> bool = $holds;
                holds(text).then(|| Self(text.to_owned()))
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Field for $name {
            fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
                let read = value.as_str().and_then(Self::new);
                if read.is_none() {
                    errors.push(at, format!("must be {}, not {}", $form, found(value)));
                }
                read
            }

            fn write(&self) -> Value {
                Value::String(self.0.clone())
            }

            fn schema() -> Value {
                json!({"type": "string", "pattern": $pattern})
            }
        }
    )*};
}

words! {
    /// The name of a job, a data set or a model.
    Name: "^[a-z0-9][a-z0-9._-]{0,62}$",
        "a name of 1 to 63 lower-case letters, digits, dots, dashes and underscores that begins with a letter or digit",
        |text| {
            let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            text.len() <= 63
                && text.bytes().next().is_some_and(lower)
                && text.bytes().all(|byte| lower(byte) || b"._-".contains(&byte))
        };
    /// The name of a node of a network; parameters are named after it.
    NodeName: "^[A-Za-z0-9_-]{1,200}$",
        "a name of 1 to 200 letters, digits, dashes and underscores",
        |text| {
            (1..=200).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
}

/// One of the words of a fixed set.
#[macro_export]
macro_rules! choices {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$variant_meta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        $vis enum $name { $($(#[$variant_meta])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            pub fn word(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            pub fn from_word(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }

        impl $crate::spec::Field for $name {
            fn read(
                value: &serde_json::Value,
                at: &$crate::spec::Pointer,
                errors: &mut $crate::spec::SpecErrors,
            ) -> Option<Self> {
                let read = value.as_str().and_then(Self::from_word);
                if read.is_none() {
                    let hint = $crate::spec::field::did_you_mean(
                        value.as_str().unwrap_or_default(), Self::WORDS.iter().copied());
                    errors.push(at, format!(
                        "must be one of {}, not {}{hint}",
                        Self::WORDS.join(", "),
                        $crate::spec::field::found(value)));
                }
                read
            }

            fn write(&self) -> serde_json::Value {
                serde_json::Value::String(self.word().to_owned())
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({"type": "string", "enum": Self::WORDS})
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::needless_pass_by_value, reason = "the callers write json!(…)")]
    fn read<T: Field>(value: Value) -> Result<T, String> {
        let mut errors = SpecErrors::new();
        let read = T::read(&value, &Pointer::root().key("x"), &mut errors);
        errors.into_result(read).map_err(|errors| errors.to_string())
    }

    #[test]
    fn whole_numbers_may_be_written_as_floats_but_not_as_texts() {
        assert_eq!(read::<Size>(json!(3.0)).unwrap().get(), 3);
        for refused in [json!(0), json!(2.5), json!("3"), json!(true), json!(1e300), json!(null), json!([3])]
        {
            assert!(
                read::<Size>(refused)
                    .unwrap_err()
                    .starts_with("/x: must be a whole number from 1 to 1048576")
            );
        }
    }

    #[test]
    fn names_are_checked_to_the_letter() {
        assert!(Name::new("a").is_some() && Name::new("mnist-1.0_b").is_some());
        for refused in ["", "-a", "A", "a b", "ä", &"a".repeat(64)] {
            assert!(Name::new(refused).is_none(), "{refused}");
        }
    }

    #[test]
    fn near_misses_are_suggested() {
        assert_eq!(nearest("unit", ["units", "use_bias"]), Some("units"));
        assert_eq!(nearest("lr", ["learning_rate"]), None);
        assert_eq!(nearest("kernelsize", ["kernel_size", "strides"]), Some("kernel_size"));
    }
}
