//! What is done to columns: one transform a file. A transform is fitted to operations, which are kept with the model;
//! one that needs no operation of a new kind costs its file and its word here.

use serde::{Deserialize, Serialize};

use crate::spec::dataset::Kind;

crate::components! {
    /// What is done to a column.
    pub enum Transform: dyn TransformConfig, "a transform" { ImputeMedian, Standardize, OneHot, ScaleImage }
}

/// A transform before it has seen data.
pub trait TransformConfig {
    /// The kinds of columns that it is for.
    fn takes(&self) -> &'static [Kind];
    /// What it does, found on the training part. The error is for the user.
    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String>;
}

/// A column in the training part, after the steps before.
pub enum Sample<'a> {
    /// Not a number where the cell is empty.
    Numbers(&'a [f64]),
    /// Codes into the data set's classes; `u32::MAX` where the cell is empty.
    Classes { codes: &'a [u32], classes: &'a [String] },
    /// Mean and standard deviation of all elements of images or tensors, computed when asked for.
    Elements(&'a dyn Fn() -> (f64, f64)),
}

/// What is done to a cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Operation {
    /// An empty cell becomes this.
    Fill { value: f64 },
    /// `(x - subtract) / divide`.
    Scale { subtract: f64, divide: f64 },
    /// One number for each of these classes; none of them for another class or an empty cell.
    OneHot { classes: Vec<String> },
}

impl Operation {
    /// Does it to a number.
    pub(super) fn apply(&self, number: f64) -> f64 {
        match self {
            Self::Fill { value } if number.is_nan() => *value,
            Self::Scale { subtract, divide } => (number - subtract) / divide,
            Self::Fill { .. } | Self::OneHot { .. } => number,
        }
    }
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
    use super::*;

    #[test]
    fn deviations_are_of_the_population() {
        assert_eq!(mean_and_deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), (5.0, 2.0));
        assert_eq!(mean_and_deviation(&[0.1; 7]).1, 0.0);
        assert!((mean_and_deviation(&[1e9, 1e9 + 1.0]).1 - 0.5).abs() < 1e-9);
    }

    #[test]
    fn each_fits_what_it_is_for() {
        let fit = |transform: Transform, sample: &Sample<'_>| transform.fit(sample);
        let numbers = [3.0, f64::NAN, 1.0, 10.0];
        assert_eq!(
            fit(ImputeMedian {}.into(), &Sample::Numbers(&numbers)),
            Ok(Operation::Fill { value: 3.0 })
        );
        assert_eq!(
            fit(ImputeMedian {}.into(), &Sample::Numbers(&[4.0, 1.0, 2.0, 3.0])),
            Ok(Operation::Fill { value: 2.5 })
        );
        assert_eq!(
            fit(Standardize {}.into(), &Sample::Numbers(&[1.0, 3.0, f64::NAN])),
            Ok(Operation::Scale { subtract: 2.0, divide: 1.0 })
        );
        assert!(fit(Standardize {}.into(), &Sample::Numbers(&[1.0, 1.0])).is_err());
        let classes = ["a", "b", "c"].map(String::from);
        assert_eq!(
            fit(OneHot {}.into(), &Sample::Classes { codes: &[2, 0, u32::MAX], classes: &classes }),
            Ok(Operation::OneHot { classes: vec!["a".into(), "c".into()] })
        );
        assert!(fit(OneHot {}.into(), &Sample::Numbers(&numbers)).is_err());
        assert_eq!(
            fit(ScaleImage {}.into(), &Sample::Elements(&|| (0.0, 1.0))),
            Ok(Operation::Scale { subtract: 0.0, divide: 255.0 })
        );
    }
}
