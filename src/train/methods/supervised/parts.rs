//! The parts that a job's rows fall into. Their sizes prove a plan; which rows they are is drawn when training begins,
//! so that a body is checked in a time that does not grow with the data.

use std::sync::{Arc, LazyLock};

use crate::data::{Dataset, Partition, PartitionCounts, partition, partition_counts};
use crate::spec::dataset::{DatasetRef, Holdout};
use crate::spec::{Pointer, SpecErrors};

type Draw = Box<dyn FnOnce() -> Partition + Send>;

pub struct Parts {
    pub counts: PartitionCounts,
    rows: LazyLock<Partition, Draw>,
}

impl Parts {
    /// Proves that the parts can be drawn. `stratify` as [`partition`] takes it; `at` is where `reference` stands.
    pub(super) fn resolve(
        dataset: &Arc<Dataset>,
        reference: &DatasetRef,
        stratify: bool,
        seed: u64,
        at: &Pointer,
    ) -> Result<Self, SpecErrors> {
        if depends_on_draw(reference) {
            return Ok(Self::drawn(partition(dataset, reference, stratify, seed, at)?));
        }
        let counts = partition_counts(dataset, reference, at)?;
        let (dataset, reference, at) = (dataset.clone(), reference.clone(), at.clone());
        // What cannot be drawn has been refused by now, with the same words.
        let draw = move || partition(&dataset, &reference, stratify, seed, &at).unwrap_or_default();
        Ok(Self { counts, rows: LazyLock::new(Box::new(draw)) })
    }

    fn drawn(rows: Partition) -> Self {
        let [train, validation, test] =
            [&rows.train, &rows.validation, &rows.test].map(|part| part.len() as u64);
        let counts = PartitionCounts { train, validation, test, warnings: rows.warnings.clone() };
        Self { counts, rows: LazyLock::new(Box::new(move || rows)) }
    }

    /// The rows of each part.
    pub fn rows(&self) -> &Partition {
        &self.rows
    }
}

/// Every nth row of what a drawn test part leaves, and drawn groups: how many these are is known when they are drawn.
fn depends_on_draw(reference: &DatasetRef) -> bool {
    let groups = |part: &Option<Holdout>| matches!(part, Some(Holdout::Group { .. }));
    let drawn = matches!(reference.test, Some(Holdout::Fraction(_) | Holdout::Last { .. }));
    groups(&reference.test)
        || groups(&reference.validation)
        || (drawn && matches!(reference.validation, Some(Holdout::Every { .. })))
}
