//! Mean 0 and standard deviation 1.

use super::{Operation, Sample, TransformConfig, mean_and_deviation};
use crate::spec::dataset::Kind;

crate::record! {
    /// The mean of the training part is subtracted, and what is left is divided by its standard deviation (of the
    /// population). Of images and tensors, one mean and one deviation over all elements.
    #[derive(Eq, Default)]
    pub struct Standardize {}
}

impl TransformConfig for Standardize {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number, Kind::Image, Kind::Tensor]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let (mean, deviation) = match sample {
            Sample::Numbers(numbers) => {
                let present: Vec<f64> = numbers.iter().copied().filter(|number| !number.is_nan()).collect();
                mean_and_deviation(&present)
            }
            Sample::Elements(moments) => moments(),
            Sample::Classes { .. } | Sample::Texts(_) => {
                return Err("standardize is for numbers, not for categories".into());
            }
        };
        if !mean.is_finite() || !deviation.is_finite() {
            return Err("its numbers are too large to be standardised".into());
        }
        if deviation == 0.0 {
            return Err("it holds one value alone, which cannot be standardised".into());
        }
        Ok(Operation::Scale { subtract: mean, divide: deviation })
    }
}
