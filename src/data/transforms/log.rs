//! Large numbers closer together.

use super::{Operation, Sample, TransformConfig, least_and_greatest};
use crate::spec::dataset::Kind;

crate::record! {
    /// `ln(1 + x)`, for amounts and counts that range over several powers of ten. Numbers below 0 in the training part
    /// are refused; one that comes later counts as 0.
    #[derive(Eq, Default)]
    pub struct Log {}
}

impl TransformConfig for Log {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Number]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let (least, _) = least_and_greatest(sample.numbers("log")?)?;
        if least < 0.0 {
            return Err(format!("it holds {least}, and log takes numbers of at least 0"));
        }
        Ok(Operation::Log {})
    }
}
