//! Empty cells become the mean.

use super::{Operation, Sample, TransformConfig, mean_and_deviation, sorted};
use crate::spec::dataset::Kind;

crate::record! {
    /// An empty cell of a number column becomes the mean of the training part.
    #[derive(Eq, Default)]
    pub struct ImputeMean {
        /// Whether one number more says if the cell was empty (1) or not (0).
        pub indicator: bool = false,
    }
}

impl TransformConfig for ImputeMean {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let (value, _) = mean_and_deviation(&sorted(sample.numbers("impute_mean")?)?);
        Ok(Operation::Fill { value, indicator: self.indicator })
    }

    fn tells_of_empty_cells(&self) -> bool {
        self.indicator
    }
}
