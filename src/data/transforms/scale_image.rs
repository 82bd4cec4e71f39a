//! Bytes to [0, 1].

use super::{Operation, Sample, TransformConfig};
use crate::spec::dataset::Kind;

crate::record! {
    /// The values of an image, 0 to 255, are brought to [0, 1].
    #[derive(Eq, Default)]
    pub struct ScaleImage {}
}

impl TransformConfig for ScaleImage {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Image]
    }

    fn fit(&self, _sample: &Sample<'_>) -> Result<Operation, String> {
        Ok(Operation::Scale { subtract: 0.0, divide: 255.0 })
    }
}
