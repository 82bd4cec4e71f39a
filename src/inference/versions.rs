//! Which version a name stands for, and where its files are.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::cache::Key;
use super::metrics::{Counters, Metrics};
use super::network::read_document;
use super::served::off_thread;
use super::tensors::{OutputTensor, Signature};
use super::{InferenceError, VersionRef};
use crate::artifacts::Artifacts;
use crate::data::Dataset;
use crate::spec::field::did_you_mean;
use crate::spec::{Pointer, Shape, SpecErrors};
use crate::store::{Store, StoreError};
use crate::train::model::ModelDocument;

/// A version that was found.
pub(super) struct Version {
    pub(super) key: Key,
    /// Of its weights.
    pub(super) bytes: u64,
    pub(super) folder: PathBuf,
    pub(super) document: ModelDocument,
    pub(super) input_shapes: Vec<Shape>,
    pub(super) counters: Counters,
    pub(super) signature: Arc<Signature>,
    pub(super) outputs: Vec<OutputTensor>,
}

/// Finds versions, and the data sets that they are evaluated on. What was found is remembered until anything changes
/// about any model, so that a prediction asks no database.
pub(super) struct Versions {
    store: Store,
    artifacts: Artifacts,
    metrics: Metrics,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    /// Of the models, when these were found.
    generation: u64,
    versions: HashMap<String, HashMap<VersionRef, Arc<Version>>>,
}

impl Versions {
    pub(super) fn new(store: Store, artifacts: Artifacts, metrics: Metrics) -> Self {
        Self { store, artifacts, metrics, known: RwLock::default() }
    }

    pub(super) async fn resolve(
        &self,
        model: &str,
        version: &VersionRef,
    ) -> Result<Arc<Version>, InferenceError> {
        // Read before the store is asked: what changes meanwhile makes forgotten what is found now.
        let Some(generation) = self.store.models_generation() else {
            return self.find(model, version).await.map(Arc::new);
        };
        if let Some(found) = self.known(generation, model, version) {
            return Ok(found);
        }
        let found = Arc::new(self.find(model, version).await?);
        self.remember(generation, model, version, &found);
        Ok(found)
    }

    async fn find(&self, model: &str, version: &VersionRef) -> Result<Version, InferenceError> {
        let row = match self.store.model_version(model, &version.to_string()).await {
            Err(StoreError::NotFound(_)) => return Err(self.unknown(model, version).await),
            other => other?,
        };
        let folder = self.artifacts.local_path(&row.key)?;
        let document = off_thread({
            let folder = folder.clone();
            move || read_document(&folder)
        })
        .await??;
        let model: Arc<str> = row.name.as_str().into();
        let outputs = OutputTensor::of(&document.outputs);
        Ok(Version {
            signature: Signature::of(model.clone(), row.version, &document.preprocessing, &outputs).into(),
            outputs,
            counters: self.metrics.of(&row.name, row.version),
            key: Key { model, version: row.version, files: row.key.into() },
            bytes: row.bytes,
            folder,
            input_shapes: document.preprocessing.input_shapes(),
            document,
        })
    }

    async fn unknown(&self, model: &str, version: &VersionRef) -> InferenceError {
        match self.store.model(model).await {
            Ok(_) => InferenceError::UnknownVersion { model: model.to_owned(), version: version.to_string() },
            Err(StoreError::NotFound(_)) => InferenceError::UnknownModel { model: model.to_owned() },
            Err(other) => other.into(),
        }
    }

    /// A data set that a body names, opened.
    pub(super) async fn dataset(
        &self,
        name: &str,
        version: Option<u32>,
        (name_at, version_at): (&Pointer, &Pointer),
    ) -> Result<Arc<Dataset>, InferenceError> {
        let refused = |at: &Pointer, detail: String| InferenceError::Refused(SpecErrors::of(at, detail));
        let row = match self.store.dataset(name, version).await {
            Err(StoreError::NotFound(_)) => {
                let names = self.store.dataset_names().await?;
                return Err(match version {
                    Some(version) if names.iter().any(|known| known == name) => {
                        refused(version_at, format!("data set \"{name}\" has no version {version}"))
                    }
                    _ => {
                        let hint = did_you_mean(name, names.iter().map(String::as_str));
                        refused(name_at, format!("there is no data set \"{name}\"{hint}"))
                    }
                });
            }
            other => other?,
        };
        let folder = self.artifacts.local_path(&row.key)?;
        let schema = row.schema;
        off_thread(move || Dataset::open_as(&folder, &schema.name, schema.version))
            .await?
            .map_err(|error| InferenceError::Internal(error.to_string()))
    }

    fn known(&self, generation: u64, model: &str, version: &VersionRef) -> Option<Arc<Version>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let current = known.generation == generation;
        current.then(|| known.versions.get(model)?.get(version).cloned()).flatten()
    }

    fn remember(&self, generation: u64, model: &str, version: &VersionRef, found: &Arc<Version>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.generation < generation {
            *known = Known { generation, versions: HashMap::new() };
        }
        if known.generation == generation {
            known.versions.entry(model.to_owned()).or_default().insert(version.clone(), found.clone());
        }
    }
}
