//! One number for each class.

use super::{Operation, Sample, TransformConfig};
use crate::spec::dataset::Kind;

crate::record! {
    /// A category becomes as many numbers as it has classes in the training part: 1 for its own, 0 for the others.
    /// A class that was not seen there, and an empty cell, are 0 throughout.
    #[derive(Eq, Default)]
    pub struct OneHot {}
}

impl TransformConfig for OneHot {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Category]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        Ok(Operation::OneHot { classes: sample.seen_classes("one_hot")? })
    }
}
