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
        let Sample::Classes { codes, classes } = sample else {
            return Err("one_hot is for categories".into());
        };
        let mut seen = vec![false; classes.len()];
        for code in *codes {
            if let Some(seen) = seen.get_mut(*code as usize) {
                *seen = true;
            }
        }
        let seen = classes.iter().zip(seen).filter(|(_, seen)| *seen).map(|(class, _)| class.clone());
        Ok(Operation::OneHot { classes: seen.collect() })
    }
}
