//! A class by its place.

use super::{Operation, Sample, TransformConfig};
use crate::spec::dataset::Kind;

crate::record! {
    /// A category becomes one number: 0 for the first of its classes, 1 for the second, and so on. A class that has no
    /// place, and an empty cell, are −1. For classes that have an order, such as sizes; others take `one_hot`.
    #[derive(Eq, Default)]
    pub struct Ordinal {
        /// The classes in their order; absent, those of the training part, sorted (numerically where all are numbers,
        /// else by code point).
        pub order: Option<Vec<String>> = None,
    }
}

impl TransformConfig for Ordinal {
    fn takes(&self) -> &'static [Kind] {
        &[Kind::Category]
    }

    fn fit(&self, sample: &Sample<'_>) -> Result<Operation, String> {
        let seen = sample.seen_classes("ordinal")?;
        let Some(order) = &self.order else { return Ok(Operation::Ordinal { classes: seen }) };
        if let Some(class) =
            order.iter().enumerate().find_map(|(at, class)| order[..at].contains(class).then_some(class))
        {
            return Err(format!("\"order\" names {class:?} twice"));
        }
        match seen.iter().find(|class| !order.contains(class)) {
            Some(class) => Err(format!("it holds {class:?}, which \"order\" does not name")),
            None => Ok(Operation::Ordinal { classes: order.clone() }),
        }
    }
}
