//! The memory that a job takes beyond what an idle worker holds, told before any of it is allocated.

use super::config::Supervised;
use super::evaluation;
use super::plan::Objective;
use crate::data::{Dataset, PartitionCounts, Preprocessing, kept_bytes};

/// Numbers and class indices of targets, and everything in the network.
const ELEMENT: u64 = 4;

/// What a node adds, in elements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Load {
    /// In the body.
    pub(super) index: usize,
    pub(super) parameters: u64,
    /// Kept of an example for the way back.
    pub(super) saved: u64,
    /// Of an example, before the node and behind it.
    pub(super) passing: u64,
}

/// What a job takes, by what takes it, in bytes.
pub(super) struct Footprint {
    by_parameter: u64,
    by_activation: u64,
    loads: Vec<Load>,
    /// Batches that are evaluated, and what is kept of the data.
    beside: u64,
    /// Of the mapped data set: memory that the system takes back when it needs it.
    mapped: u64,
}

impl Footprint {
    /// What a run takes whatever its network: libtorch's buffers and the parts of its code that are read, the reporter.
    const FIXED: u64 = 16 << 20;

    pub(super) fn new(config: &Supervised, batch: u64, loads: Vec<Load>) -> Self {
        let best = config.early_stopping.as_ref().is_some_and(|rule| rule.restore_best);
        let slots = config.optimizer.slots().len() as u64;
        let average = u64::from(config.weight_average.is_some());
        // Gradients are added up beside those of the batch under way.
        let added = u64::from(config.gradient_accumulation.get() > 1);
        Self {
            // Weights, gradients, what the optimiser keeps, the mean and the best of the weights; and the copy that a
            // checkpoint is written from.
            by_parameter: ELEMENT
                * (2 + added + slots + average + u64::from(best) + 1 + slots + average + u64::from(best)),
            // What is kept for the way back, and its gradient while that is under way.
            by_activation: ELEMENT * 2 * batch,
            loads,
            beside: 0,
            mapped: 0,
        }
    }

    /// With what each example counts.
    pub(super) fn with_weights(mut self, config: &Supervised, dataset: &Dataset) -> Self {
        if config.class_weight.is_some() || config.sample_weight.is_some() {
            // The weight itself, and while it is made a double and a class.
            self.beside = self.beside.saturating_add((dataset.rows() as u64).saturating_mul(ELEMENT + 8 + 8));
        }
        self
    }

    /// With the passes over the parts that are not learned from. Their memory comes on top of that of the steps:
    /// what these free lies in pieces that are too small for the larger batches.
    pub(super) fn with_evaluation(
        mut self,
        example_bytes: u64,
        inputs: u64,
        parts: &PartitionCounts,
    ) -> Self {
        let rows = parts.validation.max(parts.test);
        if rows > 0 {
            let widest = self.loads.iter().map(|load| load.passing).max().unwrap_or(0);
            let batch = evaluation::batch_size(example_bytes, rows as usize) as u64;
            let bytes = widest.saturating_add(inputs).saturating_mul(batch * ELEMENT);
            self.beside = self.beside.saturating_add(bytes);
        }
        self
    }

    /// With the examples that are read, where a run may take `limit` bytes.
    pub(super) fn with_data(
        mut self,
        dataset: &Dataset,
        preprocessing: &Preprocessing,
        objectives: &[Objective],
        parts: &PartitionCounts,
        limit: u64,
    ) -> Self {
        let used = parts.train + parts.validation + parts.test;
        let reading = preprocessing.reading(dataset, used, kept_bytes(limit));
        let columns = objectives.iter().flat_map(|objective| &objective.columns);
        let targets = columns.map(|column| dataset.column_bytes(&column.column));
        self.mapped = targets.fold(reading.mapped, u64::saturating_add);
        let kept = objectives.iter().map(|objective| objective.columns.len() as u64).sum::<u64>();
        let kept = (dataset.rows() as u64).saturating_mul(kept * ELEMENT);
        // Predictions that metrics keep: those of a part that is evaluated stand beside those of training for a while.
        let by_metric = objectives.iter().flat_map(|objective| {
            let measured = objective.measured();
            objective.metrics.iter().map(move |metric| metric.kept(&measured))
        });
        let scored = parts.train.saturating_add(parts.validation.max(parts.test));
        // Once as they come, and once in order.
        let scores = scored.saturating_mul(2 * ELEMENT * by_metric.sum::<u64>());
        self.beside = self.beside.saturating_add(reading.own).saturating_add(kept).saturating_add(scores);
        self
    }

    /// What a node takes.
    pub(super) fn bytes(&self, load: &Load) -> u64 {
        let parameters = load.parameters.saturating_mul(self.by_parameter);
        parameters.saturating_add(load.saved.saturating_mul(self.by_activation))
    }

    /// The node with which the job's own memory exceeds the limit, and what is taken up to it. Mapped memory counts
    /// against no limit.
    pub(super) fn beyond(&self, limit: u64) -> Option<(Load, u64)> {
        let mut used = Self::FIXED.saturating_add(self.beside);
        self.loads.iter().find_map(|load| {
            used = used.saturating_add(self.bytes(load));
            (used > limit).then_some((*load, used))
        })
    }

    /// The greatest use of memory while training.
    pub(super) fn total(&self) -> u64 {
        let around = Self::FIXED.saturating_add(self.beside).saturating_add(self.mapped);
        self.loads.iter().map(|load| self.bytes(load)).fold(around, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footprint() -> Footprint {
        let load = |index, parameters, saved| Load { index, parameters, saved, passing: saved };
        let loads = vec![load(0, 1 << 20, 0), load(1, 0, 1 << 10), load(2, 1 << 20, 1 << 10)];
        Footprint { by_parameter: 16, by_activation: 8 << 10, loads, beside: 1 << 20, mapped: 1 << 30 }
    }

    #[test]
    fn the_total_is_the_sum_of_its_parts() {
        let (parameters, activations) = (2 * (16 << 20), 2 * (8 << 20));
        let around = Footprint::FIXED + (1 << 20) + (1 << 30);
        assert_eq!(footprint().total(), around + parameters + activations);
    }

    #[test]
    fn a_limit_is_exceeded_at_a_node_and_mapped_memory_counts_against_none() {
        let own = footprint().total() - (1 << 30);
        assert_eq!(footprint().beyond(own), None);
        assert_eq!(footprint().beyond(own - 1).map(|(load, used)| (load.index, used)), Some((2, own)));
        let first = Footprint::FIXED + (1 << 20) + (16 << 20);
        assert_eq!(footprint().beyond(first - 1).map(|(load, used)| (load.index, used)), Some((0, first)));
        assert_eq!(footprint().beyond(first).map(|(load, _)| load.index), Some(1));
    }
}
