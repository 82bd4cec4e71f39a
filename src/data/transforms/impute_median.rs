//! Empty cells become the median.

use super::{Operation, Sample, TransformConfig, quantile, sorted};
use crate::spec::dataset::Kind;

crate::record! {
    /// An empty cell of a number column becomes the median of the training part.
    #[derive(Eq, Default)]
    pub struct ImputeMedian {
        /// Whether one number more says if the cell was empty (1) or not (0).
        pub indicator: bool = false,
    }
}

impl TransformConfig for ImputeMedian {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let numbers = sorted(sample.numbers("impute_median")?)?;
        Ok(Operation::Fill { value: quantile(&numbers, 0.5), indicator: self.indicator })
    }

    fn tells_of_empty_cells(&self) -> bool {
        self.indicator
    }
}
