//! Empty cells become the median.

use super::{Operation, Sample, TransformConfig};
use crate::spec::dataset::Kind;

crate::record! {
    /// An empty cell of a number column becomes the median of the training part.
    #[derive(Eq, Default)]
    pub struct ImputeMedian {}
}

impl TransformConfig for ImputeMedian {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let Sample::Numbers(numbers) = sample else {
            return Err("impute_median is for columns of numbers".into());
        };
        let mut numbers: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
        if numbers.is_empty() {
            return Err("impute_median needs at least one cell that is not empty".into());
        }
        let middle = numbers.len() / 2;
        let even = numbers.len().is_multiple_of(2);
        let (below, upper, _) = numbers.select_nth_unstable_by(middle, f64::total_cmp);
        let upper = *upper;
        let value = match below.iter().copied().max_by(f64::total_cmp) {
            Some(lower) if even => f64::midpoint(lower, upper),
            _ => upper,
        };
        Ok(Operation::Fill { value })
    }
}
