//! A trained network as it is kept: `weights.safetensors` and `model.json`, which together need nothing else.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tch::{Device, Tensor};

use crate::data::{DataError, Dataset, Partition, Prepared, Preprocessing, TargetColumn};
use crate::nn::Pass;
use crate::nn::initializers::ParameterSpec;
use crate::nn::layers::Inferred;
use crate::nn::losses::{Loss, Task};
use crate::nn::metrics::Metric;
use crate::nn::network::{Head, Network, NetworkPlan, folding};
use crate::spec::dataset::DatasetRef;
use crate::spec::{Field, Pointer, Shape, SpecErrors};
use crate::torch::{ops, safetensors};

use super::methods::supervised::{self, Objective};
use super::network;

/// The version of `model.json` that this program writes.
pub const MODEL_FORMAT: u32 = 1;

/// The files' names below a model's key prefix.
pub const WEIGHTS_FILE: &str = "weights.safetensors";
pub const DOCUMENT_FILE: &str = "model.json";

/// Why a kept model cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("the model's files cannot be read: {0}")]
    Io(#[from] std::io::Error),
    #[error("the model is of format {0}, which this program does not read")]
    Format(u32),
    #[error("the model's files are damaged: {0}")]
    Damaged(String),
}

/// `model.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelDocument {
    pub format: u32,
    /// The canonical spec of the job that trained it.
    pub spec: Value,
    pub preprocessing: Preprocessing,
    /// The network's inputs, nodes and outputs, every field written out.
    pub network: Value,
    /// In the order of the network's outputs.
    pub outputs: Vec<ModelOutput>,
}

/// One output and what it says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ModelOutput {
    /// The node.
    pub name: String,
    /// The target's name; with one target its column.
    pub target: String,
    /// The target's columns with their classes or scales: one, or several that this output predicts side by side.
    pub columns: Vec<TargetColumn>,
    /// Without the batch axis.
    pub shape: Shape,
    /// What it says; as its columns tell where it is absent.
    #[serde(default)]
    pub task: Option<Task>,
    /// The loss and metrics that it was trained with, as in a body.
    pub loss: Value,
    pub weight: f64,
    pub metrics: Vec<Value>,
}

impl ModelOutput {
    /// Whether the columns are one class each, of which the output tells the probabilities.
    pub fn is_one_of_columns(&self) -> bool {
        self.task == Some(Task::Classes) && self.columns.len() > 1
    }
}

/// A network with its weights, ready to be called from any thread, one at a time.
pub struct LoadedModel {
    document: ModelDocument,
    network: Network,
    objectives: Vec<Objective>,
    /// Forward activations of one example in bytes.
    example_bytes: u64,
}

impl LoadedModel {
    /// Loads the two files of a folder.
    pub fn load(dir: &Path) -> Result<Self, ModelError> {
        Self::read(dir, false)
    }

    /// The same in the form that is fastest to call, as the job allows.
    pub fn load_to_call(dir: &Path) -> Result<Self, ModelError> {
        Self::read(dir, true)
    }

    fn read(dir: &Path, to_call: bool) -> Result<Self, ModelError> {
        let document = ModelDocument::parse(&std::fs::read(dir.join(DOCUMENT_FILE))?)?;
        let plan = network::read(&document.network).map_err(ModelError::Damaged)?;
        document.check_shapes(&plan)?;
        let objectives = document.objectives(&plan)?;
        let inferred = plan.infer().map_err(|(_, error)| ModelError::Damaged(error.detail))?;
        let example_bytes = inferred.iter().map(|node| node.saved).sum::<u64>().saturating_mul(4);
        let fused: Vec<bool> = objectives.iter().map(Objective::is_fused).collect();
        let weights = safetensors::read(&dir.join(WEIGHTS_FILE))
            .map_err(|error| ModelError::Damaged(error.to_string()))?;
        check_size(&inferred, &weights)?;
        let folds = to_call && document.folds_normalization();
        let folded = if folds { folding::fold(&plan, &weights) } else { None };
        let (plan, weights) = folded.unwrap_or((plan, weights));
        let mut network =
            Network::new(&plan, 0, Device::Cpu).map_err(ModelError::Damaged)?.with_fused(&fused);
        network.load(&weights).map_err(ModelError::Damaged)?;
        Ok(Self { document, network, objectives, example_bytes })
    }

    pub fn document(&self) -> &ModelDocument {
        &self.document
    }

    /// Fitted in training; its inputs are the network's, in their order.
    pub fn preprocessing(&self) -> &Preprocessing {
        &self.document.preprocessing
    }

    pub fn outputs(&self) -> &[ModelOutput] {
        &self.document.outputs
    }

    /// Bytes of the weights.
    pub fn weight_bytes(&self) -> u64 {
        self.network.parameters().bytes()
    }

    /// Bytes that a forward pass takes for each example, at most.
    pub fn example_bytes(&self) -> u64 {
        self.example_bytes
    }

    /// What the network says of a batch (probabilities, not logits), without gradients. Each input is
    /// `[n, …]` of floats on the CPU, in the order of the inputs; so are the outputs.
    pub fn forward(&self, inputs: &[Tensor]) -> Vec<Tensor> {
        tch::no_grad(|| self.network.forward(inputs, &Pass::INFERENCE, Head::Outputs))
    }

    /// Loss and metrics on some rows of a data set. `targets` names the columns of truth, in their order, where they
    /// are called otherwise than in training.
    pub fn evaluate(
        &self,
        dataset: &Arc<Dataset>,
        rows: &[u32],
        targets: Option<&[String]>,
        batch_size: usize,
    ) -> Result<BTreeMap<String, f64>, DataError> {
        let mut objectives = self.objectives.clone();
        let columns = objectives.iter_mut().flat_map(|objective| &mut objective.columns);
        for (column, name) in columns.zip(targets.into_iter().flatten()) {
            column.column.clone_from(name);
        }
        // However many the client asks for, they are computed in this process.
        let batch_size = batch_size.min(supervised::evaluation_batch(self.example_bytes(), rows.len()));
        supervised::evaluate(&self.network, self.preprocessing(), &objectives, dataset, rows, batch_size)
    }
}

impl LoadedModel {
    /// What the network says of rows of a data set, told a batch at a time: the rows, and of each output a number after
    /// the other, row by row.
    pub fn answers(
        &self,
        dataset: &Arc<Dataset>,
        rows: &[u32],
        mut tell: impl FnMut(&[u32], &[Vec<f32>]),
    ) -> Result<(), DataError> {
        // Each row is read once, so that nothing is kept of it.
        let prepared = Prepared::keeping(dataset.clone(), self.preprocessing(), 0)?;
        let shapes = self.preprocessing().input_shapes();
        let gathered = |input: usize, shape: &Shape, rows: &[u32]| {
            let width = shape.iter().product::<u64>() as usize;
            let mut values = vec![0.0_f32; width * rows.len()];
            prepared.gather(input, rows, &mut values);
            let extents = std::iter::once(rows.len() as i64).chain(shape.iter().map(|extent| *extent as i64));
            Tensor::from_slice(&values).reshape(extents.collect::<Vec<_>>())
        };
        for rows in rows.chunks(supervised::evaluation_batch(self.example_bytes(), rows.len())) {
            let inputs = shapes.iter().enumerate().map(|(input, shape)| gathered(input, shape, rows));
            let outputs = self.forward(&inputs.collect::<Vec<_>>());
            let values: Vec<Vec<f32>> =
                outputs.iter().map(|output| ops::as_slice::<f32>(&output.contiguous()).to_vec()).collect();
            tell(rows, &values);
        }
        Ok(())
    }

    /// The parts that the job drew from the data set that it learned from; nothing where the model does not say how.
    pub fn parts(&self, dataset: &Dataset) -> Option<Partition> {
        let spec = &self.document.spec;
        let at = Pointer::root().key("training").key("dataset");
        let mut errors = SpecErrors::new();
        let reference = DatasetRef::read(spec.pointer("/training/dataset")?, &at, &mut errors)?;
        let seed = spec.get("seed")?.as_u64()?;
        supervised::parts(&self.objectives, dataset, &reference, seed, &at).ok()
    }
}

impl ModelDocument {
    pub fn parse(bytes: &[u8]) -> Result<Self, ModelError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let damaged = |error: serde_json::Error| ModelError::Damaged(error.to_string());
        let Version { format } = serde_json::from_slice(bytes).map_err(damaged)?;
        if format != MODEL_FORMAT {
            return Err(ModelError::Format(format));
        }
        serde_json::from_slice(bytes).map_err(damaged)
    }

    /// Holds what goes into the network and what comes out of it to the network itself.
    fn check_shapes(&self, plan: &NetworkPlan) -> Result<(), ModelError> {
        let damaged = |detail: &str| Err(ModelError::Damaged(detail.to_owned()));
        let inputs = plan.inputs.iter().map(|input| &input.shape);
        if !self.preprocessing.is_whole() || inputs.ne(&self.preprocessing.input_shapes()) {
            return damaged("the document prepares other inputs than its network takes");
        }
        let outputs = plan.outputs.iter().map(|node| &plan.nodes[*node].output_shape);
        if outputs.ne(self.outputs.iter().map(|output| &output.shape)) {
            return damaged("the document has other outputs than its network");
        }
        Ok(())
    }

    /// Whether normalisation by batch may be a part of the convolution before it.
    fn folds_normalization(&self) -> bool {
        self.spec.pointer("/training/rewrites/folded_normalization") != Some(&Value::Bool(false))
    }

    /// The outputs' losses and metrics, fitted again.
    fn objectives(&self, plan: &NetworkPlan) -> Result<Vec<Objective>, ModelError> {
        let fit = |(output, node): (&ModelOutput, &usize)| {
            let mut errors = SpecErrors::new();
            let at = Pointer::root();
            let loss = Loss::read(&output.loss, &at, &mut errors);
            let metrics: Option<Vec<Metric>> =
                output.metrics.iter().map(|metric| Metric::read(metric, &at, &mut errors)).collect();
            let (Some(loss), Some(metrics)) = (loss, metrics) else {
                return Err(ModelError::Damaged(errors.to_string()));
            };
            Objective::fit(output, loss, metrics, &plan.nodes[*node]).map_err(ModelError::Damaged)
        };
        self.outputs.iter().zip(&plan.outputs).map(fit).collect()
    }
}

/// A network is made before its weights are put into it, so it must not be larger than they are.
fn check_size(nodes: &[Inferred], weights: &[(String, Tensor)]) -> Result<(), ModelError> {
    let parameters = nodes.iter().flat_map(|node| &node.parameters);
    let wanted = parameters.map(ParameterSpec::elements).fold(0, u64::saturating_add);
    let held = weights.iter().map(|(_, tensor)| tensor.numel() as u64).sum();
    if wanted > held {
        let detail = format!("the network has {wanted} weights, and the file holds {held}");
        return Err(ModelError::Damaged(detail));
    }
    Ok(())
}
