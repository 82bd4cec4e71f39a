//! Median 0 and quartiles one apart.

use super::{Operation, Sample, TransformConfig, quantile, sorted};
use crate::spec::dataset::Kind;

crate::record! {
    /// The median of the training part is subtracted, and what is left is divided by the distance of its quartiles,
    /// `(x − median) / (q₇₅ − q₂₅)`: few values far out change neither (Huber, *Robust Statistics*, 1981; the quartiles
    /// by linear interpolation, the seventh form of Hyndman and Fan, *Sample Quantiles in Statistical Packages*, 1996).
    #[derive(Eq, Default)]
    pub struct RobustScale {}
}

impl TransformConfig for RobustScale {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let numbers = sorted(sample.numbers("robust_scale")?)?;
        let divide = quantile(&numbers, 0.75) - quantile(&numbers, 0.25);
        if divide == 0.0 || !divide.is_finite() {
            return Err(
                "its quartiles are equal, so robust_scale cannot divide by their distance; take standardize"
                    .into(),
            );
        }
        Ok(Operation::Scale { subtract: quantile(&numbers, 0.5), divide })
    }
}
