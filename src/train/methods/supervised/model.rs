//! The model that supervised training makes, how a kept one is evaluated, and which rows it has not learned from.

use std::collections::BTreeMap;
use std::sync::Arc;

use tch::Device;

use crate::data::{DataError, Dataset, Partition, Preprocessing, kept_bytes, partition};
use crate::nn::network::Network;
use crate::spec::dataset::DatasetRef;
use crate::spec::{Field, Pointer, SpecErrors};
use crate::train::ModelFiles;
use crate::train::model::{MODEL_FORMAT, ModelDocument, ModelOutput};
use crate::train::network;

use super::Training;
use super::evaluation::Examiner;
use super::feed::{Examples, Feed};
use super::plan::Objective;
use super::state;

/// Loss and metrics of a network on rows of a data set.
pub(crate) fn evaluate(
    network: &Network,
    preprocessing: &Preprocessing,
    objectives: &[Objective],
    dataset: &Arc<Dataset>,
    rows: &[u32],
    batch_size: usize,
) -> Result<BTreeMap<String, f64>, DataError> {
    let examples = Examples::new(dataset, preprocessing, objectives, kept_bytes(u64::MAX))?;
    let feed = Feed::new(examples, batch_size.min(rows.len()).max(1), Device::Cpu);
    let values = Examiner::new(objectives, feed).examine(network, rows, || true);
    Ok(values.unwrap_or_default().values.into_iter().collect())
}

/// The parts that a job with this seed drew from its data set, for a model that it made. `at` is where `reference` stands.
pub(crate) fn parts(
    objectives: &[Objective],
    dataset: &Dataset,
    reference: &DatasetRef,
    seed: u64,
    at: &Pointer,
) -> Result<Partition, SpecErrors> {
    let stratify = matches!(objectives, [objective] if objective.is_one_category());
    partition(dataset, reference, stratify, seed, at)
}

impl Training<'_> {
    /// The files of the network as it is.
    pub(super) fn model(&self) -> ModelFiles {
        let document = ModelDocument {
            format: MODEL_FORMAT,
            spec: self.job.write(),
            preprocessing: self.plan.preprocessing.clone(),
            network: network::write(&self.plan.network),
            outputs: self.outputs(),
        };
        ModelFiles {
            output: String::new(),
            metrics: self.state.latest.iter().map(|(name, value)| (name.clone(), value.0)).collect(),
            document: serde_json::to_string_pretty(&document).unwrap_or_default(),
            weights: state::copies(&self.network),
        }
    }

    fn outputs(&self) -> Vec<ModelOutput> {
        let nodes = self.plan.network.outputs.iter().map(|index| &self.plan.network.nodes[*index]);
        nodes
            .zip(&self.plan.objectives)
            .map(|(node, objective)| ModelOutput {
                name: node.name.clone(),
                target: objective.name.clone(),
                columns: objective.columns.clone(),
                shape: node.output_shape.clone(),
                task: Some(objective.fitted.task),
                loss: objective.loss.write(),
                weight: objective.weight,
                metrics: objective.metrics.iter().map(Field::write).collect(),
            })
            .collect()
    }
}
