//! A stored model at work in the batcher.

use std::path::Path;

use tch::Tensor;

use super::InferenceError;
use super::batcher::BatchModel;
use crate::spec::Shape;
use crate::train::model::{DOCUMENT_FILE, LoadedModel, ModelDocument, ModelError};

/// A network with its weights.
pub(super) struct Network {
    model: LoadedModel,
    shapes: Vec<Shape>,
}

impl Network {
    pub(super) fn load(folder: &Path) -> Result<Self, InferenceError> {
        let model = LoadedModel::load_to_call(folder)?;
        let shapes = model.preprocessing().input_shapes();
        Ok(Self { model, shapes })
    }

    pub(super) fn model(&self) -> &LoadedModel {
        &self.model
    }
}

impl BatchModel for Network {
    fn input_shapes(&self) -> &[Shape] {
        &self.shapes
    }

    fn forward(&mut self, inputs: &[Tensor]) -> Result<Vec<Tensor>, String> {
        Ok(self.model.forward(inputs))
    }
}

/// What is known of a model without its weights.
pub(super) fn read_document(folder: &Path) -> Result<ModelDocument, InferenceError> {
    let text = std::fs::read(folder.join(DOCUMENT_FILE)).map_err(ModelError::from)?;
    Ok(ModelDocument::parse(&text)?)
}

impl From<ModelError> for InferenceError {
    fn from(error: ModelError) -> Self {
        Self::Internal(error.to_string())
    }
}
