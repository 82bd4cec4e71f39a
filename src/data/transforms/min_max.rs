//! The least value to one end of a range, the greatest to the other.

use super::{Operation, Sample, TransformConfig, least_and_greatest};
use crate::spec::Finite;
use crate::spec::dataset::Kind;

crate::record! {
    /// Brings the least number of the training part to `min` and its greatest to `max`:
    /// `min + (x − least) · (max − min) / (greatest − least)` (Han, Kamber and Pei, *Data Mining*, section 3.5.2). What
    /// lies beyond both later comes to lie beyond the range.
    pub struct MinMax {
        /// What the least number becomes.
        pub min: Finite = Finite::literal(0.0),
        /// What the greatest number becomes; above `min`.
        pub max: Finite = Finite::literal(1.0),
    }
}

impl TransformConfig for MinMax {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let (low, high) = (self.min.get(), self.max.get());
        if low >= high {
            return Err("min_max needs a \"max\" above its \"min\"".into());
        }
        let (least, greatest) = least_and_greatest(sample.numbers("min_max")?)?;
        if least == greatest {
            return Err("it holds one value alone, which min_max cannot spread".into());
        }
        let divide = (greatest - least) / (high - low);
        Ok(Operation::Scale { subtract: least - low * divide, divide })
    }
}
