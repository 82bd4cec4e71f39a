//! Numbers kept within bounds.

use super::{Operation, Sample, TransformConfig, quantile, sorted};
use crate::spec::dataset::Kind;
use crate::spec::{Finite, Rate};

crate::record! {
    /// A number below the lower bound becomes it, one above the upper bound becomes that: `min(max(x, lower), upper)`.
    /// Each bound is a number or a quantile of the training part (by linear interpolation); winsorising takes both
    /// quantiles (Tukey, *The Future of Data Analysis*, 1962).
    pub struct Clip {
        /// The lower bound, such as `0`.
        pub min: Option<Finite> = None,
        /// The upper bound.
        pub max: Option<Finite> = None,
        /// The share of the training part that lies below the lower bound, in place of `min`.
        pub lower_quantile: Option<Rate> = None,
        /// The share of the training part that lies below the upper bound, in place of `max`.
        pub upper_quantile: Option<Rate> = None,
    }
}

impl TransformConfig for Clip {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let numbers = sorted(sample.numbers("clip")?)?;
        let bound = |number: Option<Finite>, share: Option<Rate>, names: &str| match (number, share) {
            (Some(_), Some(_)) => Err(format!("clip takes one of {names}")),
            (Some(number), None) => Ok(Some(number.get())),
            (None, share) => Ok(share.map(|share| quantile(&numbers, share.get()))),
        };
        let min = bound(self.min, self.lower_quantile, "\"min\" and \"lower_quantile\"")?;
        let max = bound(self.max, self.upper_quantile, "\"max\" and \"upper_quantile\"")?;
        match (min, max) {
            (None, None) => Err("clip needs a bound, such as \"min\": 0 or \"upper_quantile\": 0.99".into()),
            (Some(min), Some(max)) if min >= max => {
                Err(format!("the lower bound {min} is not below the upper bound {max}"))
            }
            _ => Ok(Operation::Clip { min, max }),
        }
    }
}
