//! A loaded version: examples are encoded as the training run's were, computed in batches, and answered.

use std::sync::Arc;

use serde_json::Value;

use super::answer::Reading;
use super::batcher::{BatchError, BatchModel, BatchSettings, Batcher, Rows};
use super::cache::Resident;
use super::network::Network;
use super::tensors::{self, NamedTensor};
use super::versions::Version;
use super::{InferenceError, PredictInput};
use crate::data::{Encoded, Preprocessing};
use crate::spec::field::found;
use crate::spec::record::refuse_unknown;
use crate::spec::{Pointer, SpecErrors};

/// So many numbers are read or written on an asynchronous thread; more take their time elsewhere.
const SHORT_NUMBERS: usize = 2_048;
/// So long an image, or a text that may hold one, is decoded on an asynchronous thread.
const SHORT_BYTES: usize = 8 << 10;

/// A version at work.
pub(super) struct Served {
    batcher: Batcher,
    preprocessing: Preprocessing,
    reading: Reading,
    /// Numbers of an example, over all inputs.
    width: usize,
}

impl Resident for Served {
    fn is_spent(&self) -> bool {
        self.batcher.is_closed()
    }

    fn unload(&self) {
        self.batcher.close();
    }
}

/// The examples in a body.
pub(super) enum Examples {
    /// A list, or one that stands for itself.
    Inputs(Value),
    Image(bytes::Bytes),
}

impl Examples {
    /// `{"inputs": …}` and nothing else, at most `limit` examples.
    pub(super) fn read(input: PredictInput, limit: usize) -> Result<Self, InferenceError> {
        let mut body = match input {
            PredictInput::Image(bytes) => return Ok(Self::Image(bytes)),
            PredictInput::Json(Value::Object(body)) => body,
            PredictInput::Json(other) => {
                let detail = format!("must be an object such as {{\"inputs\": […]}}, not {}", found(&other));
                return Err(InferenceError::Refused(SpecErrors::of(&Pointer::root(), detail)));
            }
        };
        let mut errors = SpecErrors::new();
        refuse_unknown(&body, &["inputs"], &[], &Pointer::root(), "a prediction", &mut errors);
        let inputs = body.shift_remove("inputs");
        if inputs.is_none() {
            errors.push(&Pointer::root().key("inputs"), "is required: a list of examples");
        }
        let inputs = errors.into_result(inputs).map_err(InferenceError::Refused)?;
        match inputs.as_array().map(Vec::len) {
            Some(count) if count > limit => Err(InferenceError::TooManyExamples { found: count, limit }),
            _ => Ok(Self::Inputs(inputs)),
        }
    }

    /// Whether to encode them takes longer than an asynchronous thread should be held.
    fn is_long(&self, width: usize) -> bool {
        match self {
            Self::Image(bytes) => bytes.len() > SHORT_BYTES,
            Self::Inputs(Value::Array(inputs)) => {
                let texts: usize = inputs.iter().map(longest_text).sum();
                inputs.len().saturating_mul(width) > SHORT_NUMBERS || texts > SHORT_BYTES
            }
            Self::Inputs(input) => width > SHORT_NUMBERS || longest_text(input) > SHORT_BYTES,
        }
    }
}

/// Of an example, or of its columns.
fn longest_text(example: &Value) -> usize {
    match example {
        Value::String(text) => text.len(),
        Value::Object(members) => {
            members.values().filter_map(Value::as_str).map(str::len).max().unwrap_or_default()
        }
        Value::Array(cells) if cells.len() <= 64 => {
            cells.iter().filter_map(Value::as_str).map(str::len).max().unwrap_or_default()
        }
        _ => 0,
    }
}

impl Served {
    /// Loads a version and puts it to work.
    pub(super) fn load(
        version: &Version,
        instances: usize,
        batching: BatchSettings,
    ) -> Result<Self, InferenceError> {
        let networks: Vec<Network> =
            (0..instances).map(|_| Network::load(&version.folder)).collect::<Result<_, _>>()?;
        let Some(model) = networks.first().map(Network::model) else {
            return Err(InferenceError::Internal("a model without an instance".into()));
        };
        let preprocessing = model.preprocessing().clone();
        let reading = Reading::of(model.outputs());
        let width = version.input_shapes.iter().map(|shape| shape.iter().product::<u64>() as usize).sum();
        let networks = networks.into_iter().map(|network| Box::new(network) as Box<dyn BatchModel>).collect();
        let batcher = Batcher::start(networks, batching, version.counters.clone())
            .map_err(|error| InferenceError::Internal(error.to_string()))?;
        Ok(Self { batcher, preprocessing, reading, width })
    }

    /// The predictions for the examples, in their order.
    pub(super) async fn predict<S>(served: Arc<S>, examples: Examples) -> Result<Vec<Value>, InferenceError>
    where
        S: std::ops::Deref<Target = Self> + Send + Sync + 'static,
    {
        let encoded = if examples.is_long(served.width) {
            let served = served.clone();
            off_thread(move || served.encode(&examples)).await??
        } else {
            served.encode(&examples)?
        };
        let rows = Rows { count: encoded.examples, values: encoded.inputs };
        let outputs = served.run(rows).await?;
        if outputs.values.iter().map(Vec::len).sum::<usize>() > SHORT_NUMBERS {
            off_thread(move || served.reading.predictions(&outputs)).await
        } else {
            Ok(served.reading.predictions(&outputs))
        }
    }

    /// What the network puts out.
    pub(super) async fn run(&self, rows: Rows) -> Result<Rows, InferenceError> {
        self.batcher.run(rows).await.map_err(failure)
    }

    /// Tensors of so many examples as the network reads them.
    pub(super) fn encode_tensors(
        &self,
        examples: usize,
        inputs: &[NamedTensor],
    ) -> Result<Rows, InferenceError> {
        tensors::encode(&self.preprocessing, examples, inputs)
    }

    fn encode(&self, examples: &Examples) -> Result<Encoded, InferenceError> {
        match examples {
            Examples::Image(bytes) => self.preprocessing.encode_image(bytes),
            Examples::Inputs(inputs) => self.preprocessing.encode(inputs, &Pointer::root().key("inputs")),
        }
        .map_err(InferenceError::Refused)
    }
}

fn failure(error: BatchError) -> InferenceError {
    match error {
        BatchError::Full(limit) => InferenceError::QueueFull { limit },
        BatchError::Unloaded => InferenceError::Unloaded,
        BatchError::Failed(detail) => InferenceError::Internal(detail),
    }
}

/// Runs what takes its time where it holds nobody up.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, InferenceError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|panic| InferenceError::Internal(format!("a prediction could not be prepared: {panic}")))
}
