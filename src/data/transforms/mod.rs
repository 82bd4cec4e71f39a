//! What is done to columns: one transform a file. A transform is fitted to operations, which are kept with the model;
//! one that needs no operation of a new kind costs its file and its word here.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::spec::Field;
use crate::spec::dataset::{Kind, RawComponent};

pub use date_parts::DatePart;

crate::components! {
    /// What is done to a column.
    pub enum Transform: dyn TransformConfig, "a transform" {
        ImputeMean, ImputeMedian, ImputeMostFrequent, ImputeConstant, Standardize, MinMax, RobustScale, Log, Clip, OneHot,
        Ordinal, Hash, DateParts, ScaleImage
    }
}

impl Transform {
    /// A step of a body with every default written out; one that is no transform stays what it is.
    pub fn written_out(step: &RawComponent) -> RawComponent {
        let mut unread = crate::spec::SpecErrors::new();
        let mut written = step.clone();
        if let Some(transform) = Self::from_component(&step.0, &[], &mut unread)
            && let serde_json::Value::Object(fields) = transform.write()
        {
            written.0.fields = fields;
        }
        written
    }
}

/// A transform before it has seen data.
pub trait TransformConfig {
    /// The kinds of columns that it is for.
    fn takes(&self) -> &'static [Kind];
    /// What it does, found on the training part. The error is for the user.
    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String>;
    /// Whether something is learned of which cells are empty, so that a column of one value alone still says something.
    fn tells_of_empty_cells(&self) -> bool {
        false
    }
}

/// A column in the training part, after the steps before.
pub enum Sample<'a> {
    /// Not a number where the cell is empty.
    Numbers(&'a [f64]),
    /// Codes into the data set's classes; `u32::MAX` where the cell is empty.
    Classes { codes: &'a [u32], classes: &'a [String] },
    /// None where the cell is empty.
    Texts(&'a [Option<&'a str>]),
    /// Mean and standard deviation of all elements of images or tensors, computed when asked for.
    Elements(&'a dyn Fn() -> (f64, f64)),
}

impl Sample<'_> {
    fn numbers(&self, transform: &str) -> Result<&[f64], String> {
        match self {
            Self::Numbers(numbers) => Ok(numbers),
            _ => Err(format!("{transform} is for columns of numbers")),
        }
    }

    /// The classes that occur, in the order of the data set's.
    fn seen_classes(&self, transform: &str) -> Result<Vec<String>, String> {
        let Self::Classes { codes, classes } = self else {
            return Err(format!("{transform} is for categories"));
        };
        let mut seen = vec![false; classes.len()];
        for code in *codes {
            if let Some(seen) = seen.get_mut(*code as usize) {
                *seen = true;
            }
        }
        Ok(classes.iter().zip(seen).filter(|(_, seen)| *seen).map(|(class, _)| class.clone()).collect())
    }
}

/// What is done to a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Operation {
    /// An empty cell becomes this.
    Fill {
        value: f64,
        /// Whether one number more says if it was empty.
        #[serde(default, skip_serializing_if = "is_false")]
        indicator: bool,
    },
    /// The same of a category or a text.
    FillText {
        text: String,
        #[serde(default, skip_serializing_if = "is_false")]
        indicator: bool,
    },
    /// `(x - subtract) / divide`.
    Scale { subtract: f64, divide: f64 },
    /// `ln(1 + x)`; what is below 0 counts as 0.
    Log {},
    /// Within these bounds.
    Clip { min: Option<f64>, max: Option<f64> },
    /// One number for each of these classes; none of them for another class or an empty cell.
    OneHot { classes: Vec<String> },
    /// One number for each bucket; none of them for an empty cell.
    Hash { buckets: u64 },
    /// The place among these classes; −1 for another class or an empty cell.
    Ordinal { classes: Vec<String> },
    /// A date's parts.
    DateParts { parts: Vec<DatePart>, cyclical: bool },
    /// Each of several numbers by an operation of its own.
    Each { operations: Vec<Operation> },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A cell on its way through its column's operations.
pub(super) enum Passing<'a> {
    /// Not a number where it is empty.
    Number(f64),
    /// None where it is empty.
    Text(Option<Cow<'a, str>>),
    Numbers(Vec<f64>),
    /// Of so many numbers the one that is 1, if one is.
    Place(Option<usize>),
}

impl Operation {
    /// Does it to a number.
    pub(super) fn apply(&self, number: f64) -> f64 {
        match self {
            Self::Fill { value, .. } if number.is_nan() => *value,
            Self::Scale { subtract, divide } => (number - subtract) / divide,
            // A comparison, since `max` would make a number of what is none.
            Self::Log {} => if number < 0.0 { 0.0 } else { number }.ln_1p(),
            Self::Clip { min, max } => {
                let above = min.filter(|min| number < *min).unwrap_or(number);
                max.filter(|max| above > *max).unwrap_or(above)
            }
            _ => number,
        }
    }

    /// Does it to a cell. What it is not for it leaves as it is. The error is for the user.
    pub(super) fn pass<'a>(&'a self, cell: Passing<'a>) -> Result<Passing<'a>, String> {
        Ok(match (self, cell) {
            (Self::FillText { text, .. }, Passing::Text(None)) => Passing::Text(Some(text.as_str().into())),
            (Self::OneHot { classes }, Passing::Text(text)) => {
                Passing::Place(text.and_then(|text| classes.iter().position(|class| *class == text)))
            }
            (Self::Hash { buckets }, Passing::Text(text)) => {
                Passing::Place(text.map(|text| hash::bucket(&text, *buckets)))
            }
            (Self::Ordinal { classes }, Passing::Text(text)) => {
                let place = text.and_then(|text| classes.iter().position(|class| *class == text));
                Passing::Number(place.map_or(-1.0, |place| place as f64))
            }
            (Self::DateParts { parts, cyclical }, Passing::Text(text)) => {
                let text = text.ok_or("is empty, and the model was not trained to fill it")?;
                let numbers = date_parts::numbers(&text, parts, *cyclical);
                Passing::Numbers(numbers.ok_or_else(|| date_parts::no_date(&text))?)
            }
            (Self::Each { operations }, Passing::Numbers(numbers)) => Passing::Numbers(
                numbers.iter().zip(operations).map(|(number, operation)| operation.apply(*number)).collect(),
            ),
            (operation, Passing::Number(number)) => Passing::Number(operation.apply(number)),
            (_, cell) => cell,
        })
    }

    /// Of an operation that widens a cell: how many numbers it becomes.
    pub(super) fn width(&self) -> Option<usize> {
        match self {
            Self::OneHot { classes } => Some(classes.len()),
            Self::Hash { buckets } => Some(*buckets as usize),
            Self::DateParts { parts, cyclical } => Some(date_parts::width(parts, *cyclical)),
            _ => None,
        }
    }

    /// Whether it adds a number that says if a cell was empty.
    pub(super) fn indicates(&self) -> bool {
        matches!(self, Self::Fill { indicator: true, .. } | Self::FillText { indicator: true, .. })
    }
}

/// The numbers that are there, sorted.
fn sorted(numbers: &[f64]) -> Result<Vec<f64>, String> {
    let mut present: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
    present.sort_by(f64::total_cmp);
    if present.is_empty() { Err("it has no cell that is not empty".into()) } else { Ok(present) }
}

fn least_and_greatest(numbers: &[f64]) -> Result<(f64, f64), String> {
    let sorted = sorted(numbers)?;
    Ok((sorted[0], sorted[sorted.len() - 1]))
}

/// The quantile of sorted numbers, between two of them by linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    let (below, part) = (place as usize, place.fract());
    let above = (below + 1).min(sorted.len() - 1);
    if part == 0.5 {
        return f64::midpoint(sorted[below], sorted[above]);
    }
    sorted[below] + (sorted[above] - sorted[below]) * part
}

/// Mean and standard deviation of the whole population, without cancellation.
pub(super) fn mean_and_deviation(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    // Equal values may leave a trace of rounding in the sum.
    let constant =
        values.first().is_none_or(|first| values.iter().all(|value| value.total_cmp(first).is_eq()));
    (mean, if constant { 0.0 } else { variance.sqrt() })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn deviations_are_of_the_population() {
        assert_eq!(mean_and_deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), (5.0, 2.0));
        assert_eq!(mean_and_deviation(&[0.1; 7]).1, 0.0);
        assert!((mean_and_deviation(&[1e9, 1e9 + 1.0]).1 - 0.5).abs() < 1e-9);
    }

    fn fitted(body: &serde_json::Value, sample: &Sample<'_>) -> Result<Operation, String> {
        let mut errors = crate::spec::SpecErrors::new();
        let transform = Transform::read(body, &crate::spec::Pointer::root(), &mut errors);
        errors.into_result(transform).map_err(|errors| errors.to_string())?.fit(sample)
    }

    #[test]
    fn each_fits_what_it_is_for() {
        let numbers = Sample::Numbers(&[3.0, f64::NAN, 1.0, 10.0, 1.0, 5.0]);
        let classes = ["a", "b", "c"].map(String::from);
        let codes = Sample::Classes { codes: &[2, 0, u32::MAX, 2], classes: &classes };
        let texts = Sample::Texts(&[Some("x"), None, Some("y"), Some("y")]);
        let one = Sample::Numbers(&[1.0, 1.0]);
        let scale = |subtract, divide| Ok(Operation::Scale { subtract, divide });
        let fill = |value, indicator| Ok(Operation::Fill { value, indicator });
        let fill_text = |text: &str| Ok(Operation::FillText { text: text.into(), indicator: false });
        let named = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        for (body, sample, expected) in [
            (json!("impute_median"), &numbers, fill(3.0, false)),
            (json!("impute_median"), &Sample::Numbers(&[4.0, 1.0, 2.0, 3.0]), fill(2.5, false)),
            (json!({"type": "impute_mean", "indicator": true}), &numbers, fill(4.0, true)),
            (json!("impute_most_frequent"), &numbers, fill(1.0, false)),
            (json!("impute_most_frequent"), &codes, fill_text("c")),
            (json!("impute_most_frequent"), &texts, fill_text("y")),
            (json!({"type": "impute_constant", "value": -1}), &numbers, fill(-1.0, false)),
            (json!({"type": "impute_constant", "value": "none"}), &codes, fill_text("none")),
            (json!("standardize"), &Sample::Numbers(&[1.0, 3.0, f64::NAN]), scale(2.0, 1.0)),
            (json!("min_max"), &numbers, scale(1.0, 9.0)),
            (json!({"type": "min_max", "min": -1, "max": 1}), &numbers, scale(5.5, 4.5)),
            // Of 1, 1, 3, 5 and 10 the quartiles are 1 and 5.
            (json!("robust_scale"), &numbers, scale(3.0, 4.0)),
            (json!("log"), &numbers, Ok(Operation::Log {})),
            (json!({"type": "clip", "min": 0}), &numbers, Ok(Operation::Clip { min: Some(0.0), max: None })),
            (
                json!({"type": "clip", "lower_quantile": 0.25, "upper_quantile": 0.875}),
                &numbers,
                Ok(Operation::Clip { min: Some(1.0), max: Some(7.5) }),
            ),
            (json!("one_hot"), &codes, Ok(Operation::OneHot { classes: named(&["a", "c"]) })),
            (json!("ordinal"), &codes, Ok(Operation::Ordinal { classes: named(&["a", "c"]) })),
            (
                json!({"type": "ordinal", "order": ["c", "a", "z"]}),
                &codes,
                Ok(Operation::Ordinal { classes: named(&["c", "a", "z"]) }),
            ),
            (json!({"type": "hash", "buckets": 8}), &texts, Ok(Operation::Hash { buckets: 8 })),
            (json!("scale_image"), &Sample::Elements(&|| (0.0, 1.0)), scale(0.0, 255.0)),
        ] {
            assert_eq!(fitted(&body, sample), expected, "{body}");
        }
        for (body, sample, why) in [
            (json!("standardize"), &one, "one value alone"),
            (json!("min_max"), &one, "one value alone"),
            (json!({"type": "min_max", "min": 1}), &numbers, "above its"),
            (json!("robust_scale"), &one, "quartiles are equal"),
            (json!("log"), &Sample::Numbers(&[-0.5]), "-0.5"),
            (json!("clip"), &numbers, "needs a bound"),
            (json!({"type": "clip", "min": 2, "lower_quantile": 0.1}), &numbers, "one of"),
            (json!({"type": "clip", "min": 2, "max": 2}), &numbers, "not below"),
            (json!("one_hot"), &numbers, "categories"),
            (json!({"type": "ordinal", "order": ["c"]}), &codes, "\"a\""),
            (json!({"type": "ordinal", "order": ["c", "c"]}), &codes, "twice"),
            (json!("date_parts"), &texts, "\"x\" is no date"),
            (json!({"type": "impute_constant", "value": 1}), &codes, "holds texts"),
            (json!({"type": "impute_constant", "value": "x"}), &numbers, "holds numbers"),
            (json!("impute_mean"), &Sample::Numbers(&[f64::NAN]), "not empty"),
        ] {
            let refused = fitted(&body, sample).unwrap_err();
            assert!(refused.contains(why), "{body}: {refused}");
        }
    }

    #[test]
    fn operations_do_what_they_say() {
        let clip = Operation::Clip { min: Some(-1.0), max: Some(2.0) };
        assert_eq!([-5.0, 0.5, 7.0].map(|x| clip.apply(x)), [-1.0, 0.5, 2.0]);
        assert!(clip.apply(f64::NAN).is_nan() && Operation::Log {}.apply(f64::NAN).is_nan());
        assert_eq!(Operation::Log {}.apply(std::f64::consts::E - 1.0), 1.0);
        assert_eq!(Operation::Log {}.apply(-3.0), 0.0);
        assert!((quantile(&[1.0, 2.0, 4.0], 0.9) - 3.6).abs() < 1e-12);
    }
}
