//! Calling trained models: a cache of loaded versions within a budget of memory, batches made of the requests that
//! wait together, and answers in the words of the data set.

mod answer;
pub mod batcher;
pub mod cache;
mod company;
mod describe;
mod error;
mod evaluate;
mod evaluation;
pub mod line;
mod metrics;
mod mistakes;
mod network;
mod served;
mod tensors;
mod versions;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use batcher::{BatchSettings, Batcher};
use cache::{Cache, Lease, Resident};
use metrics::{Counters, Ending};
use served::{Examples, Served};
use versions::{Version, Versions};

use crate::artifacts::Artifacts;
use crate::data::Dataset;
use crate::spec::{self, Name, Pointer, SpecErrors};
use crate::store::Store;
use crate::torch::memory;
use crate::{clock, config};

pub use answer::number as shortest;
pub use describe::{DescribedInput, DescribedOutput, Description};
pub use error::InferenceError;
pub use evaluation::{DataRef, EvaluatedData, Evaluation};
pub use metrics::{Metrics, Statistics, Tally};
pub use mistakes::{Mistake, Mistakes, MistakesWanted};
pub use tensors::{Element, Elements, Found, NamedTensor, Signature, TensorAnswer, TensorForm};

/// A version as a client names it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VersionRef {
    Number(u32),
    /// `latest` is one that moves by itself.
    Alias(String),
}

impl VersionRef {
    pub const LATEST: &'static str = "latest";

    /// Digits alone are a number, anything else an alias.
    pub fn parse(text: &str) -> Self {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = digits.then(|| text.parse().ok()).flatten();
        number.map_or_else(|| Self::Alias(text.to_owned()), Self::Number)
    }

    pub fn latest() -> Self {
        Self::Alias(Self::LATEST.to_owned())
    }
}

impl std::fmt::Display for VersionRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Alias(alias) => f.write_str(alias),
        }
    }
}

/// The body of a prediction.
#[derive(Clone, Debug)]
pub enum PredictInput {
    /// `{"inputs": […]}`.
    Json(Value),
    /// A PNG or a JPEG.
    Image(bytes::Bytes),
}

/// A loaded version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InUse {
    pub model: Arc<str>,
    pub version: u32,
    /// What it is counted with in memory.
    pub bytes: u64,
    pub done: Statistics,
}

/// How long a request waits for memory that models in use hold, before it is told to come again.
const MEMORY_PATIENCE: Duration = Duration::from_secs(10);

/// What an instance takes beside its weights and its buffer: a thread, and what libtorch keeps for it. Measured with
/// small models, of which 130 took 60 MB.
const INSTANCE_BYTES: u64 = 1 << 20;

/// Evaluations that run and wait at most.
const EVALUATIONS: usize = 16;

/// Trained models, ready to be called. A handle; clones share everything.
#[derive(Clone)]
pub struct Inference(Arc<Shared>);

struct Shared {
    settings: config::Inference,
    versions: Versions,
    cache: Cache<Served>,
    evaluations: Arc<Semaphore>,
    /// Places for evaluations, the one that runs included.
    evaluations_waiting: Semaphore,
    metrics: Metrics,
}

impl Inference {
    pub fn start(settings: config::Inference, store: Store, artifacts: Artifacts) -> Self {
        let metrics = Metrics::new();
        let budget = settings.model_memory_mb.saturating_mul(1 << 20);
        Self(Arc::new(Shared {
            versions: Versions::new(store, artifacts, metrics.clone()),
            cache: Cache::new(budget, MEMORY_PATIENCE, metrics.clone()),
            evaluations: Arc::new(Semaphore::new(1)),
            evaluations_waiting: Semaphore::new(EVALUATIONS),
            settings,
            metrics,
        }))
    }

    /// The figures of inference, for the registry of the server's.
    pub fn metrics(&self) -> &Metrics {
        &self.0.metrics
    }

    /// Predictions for the examples of a body, as the API answers them.
    pub async fn predict(
        &self,
        model: &str,
        version: &VersionRef,
        input: PredictInput,
    ) -> Result<Value, InferenceError> {
        let found = self.0.versions.resolve(model, version).await?;
        let request = Request::new(found.counters.clone());
        let patience = Duration::from_secs(self.0.settings.predict_seconds);
        let predictions = tokio::time::timeout(patience, self.predictions(&found, input));
        let predictions = predictions.await.unwrap_or(Err(InferenceError::TooSlow { patience }));
        request.ended(predictions.as_ref().err());
        Ok(json!({"model": &*found.key.model, "version": found.key.version, "predictions": predictions?}))
    }

    /// Loss and metrics of a version on a data set or a split of one, with the training run's own preprocessing.
    pub async fn evaluate(
        &self,
        model: &str,
        version: &VersionRef,
        body: &Value,
    ) -> Result<Value, InferenceError> {
        let request = evaluation::Request::read(body).map_err(InferenceError::Refused)?;
        let found = self.0.versions.resolve(model, version).await?;
        let dataset = self.evaluated_data(&found, &request).await?;
        let (folder, data) = (found.folder.clone(), dataset.clone());
        let evaluated = self.beside(move || evaluate::evaluate(&folder, &data, &request)).await?;
        Ok(evaluated.answer(&found.key.model, found.key.version, dataset.schema()))
    }

    /// What a version gets wrong of the data set that it was trained on, and which version that is.
    pub async fn mistakes(
        &self,
        model: &str,
        version: &VersionRef,
        wanted: MistakesWanted,
    ) -> Result<(u32, Mistakes), InferenceError> {
        let found = self.0.versions.resolve(model, version).await?;
        let dataset = self.own_data(&found).await?;
        let folder = found.folder.clone();
        let mistakes = self.beside(move || mistakes::find(&folder, dataset, &wanted)).await?;
        Ok((found.key.version, mistakes))
    }

    /// Computes beside the predictions, for some seconds or minutes and with weights of its own.
    async fn beside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, InferenceError> + Send + 'static,
    ) -> Result<T, InferenceError> {
        // One at a time: it takes a core, and weights beside those that are counted.
        let Ok(_place) = self.0.evaluations_waiting.try_acquire() else {
            return Err(InferenceError::QueueFull { limit: EVALUATIONS });
        };
        let turn = self.0.evaluations.clone().acquire_owned().await;
        let patience = Duration::from_secs(self.0.settings.evaluate_seconds);
        let done = served::off_thread(move || {
            let _turn = turn;
            let done = work();
            memory::give_back();
            done
        });
        let done = tokio::time::timeout(patience, done);
        done.await.map_err(|_| InferenceError::TooSlow { patience })??
    }

    /// The data set that a version was trained on.
    async fn own_data(&self, version: &Version) -> Result<Arc<Dataset>, InferenceError> {
        let Some((name, number)) = evaluate::trained_on(&version.document) else {
            return Err(InferenceError::NoData("the model does not say what it was trained on".into()));
        };
        let at = Pointer::root();
        let found = self.0.versions.dataset(name, Some(number), (&at, &at)).await;
        found.map_err(|error| match error {
            InferenceError::Refused(_) => InferenceError::NoData(format!(
                "the model was trained on data set \"{name}\" version {number}, which is not there any more"
            )),
            other => other,
        })
    }

    /// The data set that an evaluation means: the one it names, or the one that the model was trained on.
    async fn evaluated_data(
        &self,
        version: &Version,
        request: &evaluation::Request,
    ) -> Result<Arc<Dataset>, InferenceError> {
        let own = evaluate::trained_on(&version.document);
        let said = request.data.name.as_ref().map(Name::as_str);
        let Some(name) = said.or(own.map(|(name, _)| name)) else {
            let detail = "is needed: the model does not say what it was trained on";
            return Err(InferenceError::Refused(SpecErrors::of(request.name_at(), detail)));
        };
        let pinned = own.filter(|(own, _)| *own == name).map(|(_, version)| version);
        let number = request.data.version.map(spec::Version::get).or(pinned);
        let places = (request.name_at(), request.version_at());
        self.0.versions.dataset(name, number, places).await
    }

    /// Loads a version before it is called.
    pub async fn load(&self, model: &str, version: &VersionRef) -> Result<(), InferenceError> {
        let found = self.0.versions.resolve(model, version).await?;
        self.lease(&found).await.map(drop)
    }

    /// Lets go of a version, or of all versions of a model; requests that run finish first.
    pub async fn unload(&self, model: &str, version: Option<u32>) {
        self.0
            .cache
            .unload(|key| *key.model == *model && version.is_none_or(|version| version == key.version))
            .await;
    }

    /// A version was deleted: it is unloaded, and its figures end.
    pub async fn forget(&self, model: &str, version: u32) {
        self.unload(model, Some(version)).await;
        self.0.metrics.forget(model, version);
    }

    /// The versions that are loaded.
    pub fn loaded(&self) -> Vec<(Arc<str>, u32)> {
        self.0.cache.loaded().into_iter().map(|key| (key.model, key.version)).collect()
    }

    /// The versions that are loaded and what they have done, the one that was asked last first.
    pub fn in_use(&self) -> Vec<InUse> {
        let mut all: Vec<InUse> = self
            .0
            .cache
            .sizes()
            .into_iter()
            .map(|(key, bytes)| {
                let done = self.0.metrics.statistics(&key.model, key.version);
                InUse { model: key.model, version: key.version, bytes, done }
            })
            .collect();
        all.sort_by(|one, other| {
            let place = |of: &InUse| (std::cmp::Reverse(of.done.last), of.model.clone(), of.version);
            place(one).cmp(&place(other))
        });
        all
    }

    async fn predictions(
        &self,
        version: &Arc<Version>,
        input: PredictInput,
    ) -> Result<Vec<Value>, InferenceError> {
        let examples = Examples::read(input, self.0.settings.request_examples)?;
        let served = Arc::new(self.lease(version).await?);
        let predictions = Served::predict(served.clone(), examples).await;
        self.unload_if_spent(&served);
        predictions
    }

    fn unload_if_spent(&self, served: &Served) {
        if served.is_spent() {
            let cache = self.0.cache.clone();
            tokio::spawn(async move { cache.unload_spent().await });
        }
    }

    async fn lease(&self, version: &Arc<Version>) -> Result<Lease<Served>, InferenceError> {
        let settings = &self.0.settings;
        let instances = settings.instances.max(1);
        let batching = BatchSettings {
            max_batch_size: settings.max_batch_size.max(1),
            max_delay: Duration::from_micros(settings.max_delay_us),
            max_queue: settings.max_queue.max(1),
        };
        let buffers = Batcher::buffer_bytes(&version.input_shapes, batching.max_batch_size, instances + 1);
        let bytes = (version.bytes + INSTANCE_BYTES) * instances as u64 + buffers;
        let found = version.clone();
        self.0.cache.get(&version.key, bytes, move || Served::load(&found, instances, batching)).await
    }
}

/// A request that is counted however it ends; one that is dropped was given up by its client.
struct Request {
    counters: Counters,
    begun: Instant,
    ending: Ending,
}

impl Request {
    fn new(counters: Counters) -> Self {
        Self { counters, begun: clock::monotonic(), ending: Ending::Canceled }
    }

    fn ended(mut self, error: Option<&InferenceError>) {
        self.ending = match error {
            None => Ending::Answered,
            Some(
                InferenceError::QueueFull { .. }
                | InferenceError::TooSlow { .. }
                | InferenceError::Busy
                | InferenceError::TooLarge { .. }
                | InferenceError::TooManyExamples { .. },
            ) => Ending::Rejected,
            Some(InferenceError::Internal(_) | InferenceError::Unloaded) => Ending::Failed,
            Some(_) => Ending::Other,
        };
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.counters.ended(self.ending, clock::monotonic().duration_since(self.begun));
    }
}
