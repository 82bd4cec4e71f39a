//! Numbers: from where to where, how spread, how often.

use serde::Serialize;

use super::histogram::Histogram;
use super::order::quartiles;

#[derive(Debug, Serialize)]
pub(super) struct Numbers {
    least: f64,
    greatest: f64,
    mean: f64,
    /// Of the population, as `standardize` divides by.
    standard_deviation: f64,
    quartiles: [f64; 3],
    histogram: Histogram,
}

/// What one look at the numbers tells.
struct Moments {
    count: u64,
    least: f64,
    greatest: f64,
    mean: f64,
    /// The sum of the squares of what they differ from their mean.
    squares: f64,
    /// Whether there are no fractions.
    whole: bool,
}

impl Numbers {
    /// Of finite numbers, which are asked for more than once; with how many there are.
    pub(super) fn of<I: Iterator<Item = f64>>(numbers: &impl Fn() -> I) -> (u64, Option<Self>) {
        let moments = Moments::of(numbers());
        let Moments { count, least, greatest, mean, squares, whole } = moments;
        if count == 0 {
            return (0, None);
        }
        let mut histogram = Histogram::between(least, greatest, whole);
        numbers().for_each(|number| histogram.add(number));
        let quartiles = quartiles(count, numbers);
        let standard_deviation = (squares / count as f64).sqrt();
        (count, Some(Self { least, greatest, mean, standard_deviation, quartiles, histogram }))
    }
}

impl Moments {
    /// In one pass and without cancellation (Welford, *Note on a Method for Calculating Corrected Sums of Squares and
    /// Products*, 1962).
    fn of(numbers: impl Iterator<Item = f64>) -> Self {
        let mut so_far = Self {
            count: 0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
            whole: true,
        };
        for number in numbers {
            so_far.count += 1;
            so_far.least = so_far.least.min(number);
            so_far.greatest = so_far.greatest.max(number);
            let before = number - so_far.mean;
            so_far.mean += before / so_far.count as f64;
            so_far.squares += before * (number - so_far.mean);
            so_far.whole &= number.fract() == 0.0;
        }
        so_far
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[f64]) -> Numbers {
        Numbers::of(&|| numbers.iter().copied()).1.unwrap()
    }

    #[test]
    fn deviations_are_of_the_population_and_do_not_cancel() {
        let numbers = of(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]);
        assert_eq!((numbers.mean, numbers.standard_deviation), (5.0, 2.0));
        assert_eq!(of(&[0.1; 7]).standard_deviation, 0.0);
        assert!((of(&[1e9, 1e9 + 1.0]).standard_deviation - 0.5).abs() < 1e-9);
        assert!(Numbers::of(&|| std::iter::empty()).1.is_none());
    }
}
