//! A trained model as another one begins with it.

use std::path::{Path, PathBuf};

use tch::Tensor;

use super::model::{DOCUMENT_FILE, ModelDocument, ModelError, WEIGHTS_FILE};
use super::network;
use crate::nn::initializers::ParameterSpec;
use crate::torch::safetensors;

/// A version of a model: its nodes with their parameters, and where its weights stand.
pub struct ParentModel {
    pub name: String,
    pub version: u32,
    nodes: Vec<(String, Vec<ParameterSpec>)>,
    weights: PathBuf,
}

impl ParentModel {
    /// Reads the document of a version's folder; the weights are left alone.
    pub fn open(folder: &Path, name: &str, version: u32) -> Result<Self, ModelError> {
        let document = ModelDocument::parse(&std::fs::read(folder.join(DOCUMENT_FILE))?)?;
        let plan = network::read(&document.network).map_err(ModelError::Damaged)?;
        let inferred = plan.infer().map_err(|(node, error)| {
            ModelError::Damaged(format!("{}: {}", plan.nodes[node].name, error.detail))
        })?;
        let parameters = inferred.into_iter().map(|inferred| inferred.parameters);
        Ok(Self {
            name: name.to_owned(),
            version,
            nodes: plan.nodes.into_iter().map(|node| node.name).zip(parameters).collect(),
            weights: folder.join(WEIGHTS_FILE),
        })
    }

    /// The parameters of a node; none where there is no such node.
    pub(crate) fn node(&self, name: &str) -> Option<&[ParameterSpec]> {
        self.nodes.iter().find(|(known, _)| known == name).map(|(_, parameters)| parameters.as_slice())
    }

    /// The nodes that have parameters.
    pub(crate) fn trained(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().filter(|(_, parameters)| !parameters.is_empty()).map(|(name, _)| name.as_str())
    }

    /// Its weights by path, `<node>.<parameter>`.
    pub(crate) fn weights(&self) -> Result<Vec<(String, Tensor)>, ModelError> {
        safetensors::read(&self.weights).map_err(|error| ModelError::Damaged(error.to_string()))
    }
}
