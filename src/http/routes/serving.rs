//! The models that are loaded, and what they do: a part of the figures of the system, and told live.

use std::time::{Duration, Instant};

use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::http::AppState;
use crate::http::openapi::Time;
use crate::inference::{InUse, Tally};

/// As many are told at most, those that were asked last.
const MOST: usize = 50;

/// A stream tells of them so often at most.
pub(crate) const EVERY: Duration = Duration::from_secs(1);

/// A loaded version, and what it has done since the server started.
#[derive(Clone, Serialize, ToSchema, PartialEq)]
#[schema(as = ModelInUse)]
pub(crate) struct ModelInUse {
    #[schema(example = "iris")]
    name: String,
    version: u32,
    memory_bytes: u64,
    #[schema(required)]
    last_request_at: Option<Time>,
    /// Requests answered.
    requests: u64,
    /// Requests without an answer.
    failures: u64,
    /// Seconds from request to answer, of all requests together.
    request_seconds: f64,
    /// Seconds of waiting for a batch, together.
    queue_seconds: f64,
    /// Seconds in the network, together.
    compute_seconds: f64,
    /// Examples that went through the network.
    examples: u64,
    /// In how many batches.
    batches: u64,
}

impl From<InUse> for ModelInUse {
    fn from(InUse { model, version, bytes, done }: InUse) -> Self {
        let seconds = |tally: Tally| Duration::from_nanos(tally.nanoseconds).as_secs_f64();
        let last = i64::try_from(done.last).ok().filter(|last| *last > 0);
        Self {
            name: model.to_string(),
            version,
            memory_bytes: bytes,
            last_request_at: last.map(Time),
            requests: done.success.count,
            failures: done.fail.count,
            request_seconds: seconds(done.success),
            queue_seconds: seconds(done.queue),
            compute_seconds: seconds(done.compute_infer),
            examples: done.inferences,
            batches: done.executions,
        }
    }
}

/// The models in use, the one that was asked last first.
pub(crate) fn models(state: &AppState) -> Vec<ModelInUse> {
    state.inference.in_use().into_iter().take(MOST).map(ModelInUse::from).collect()
}

/// What a stream has told of the models in use.
#[derive(Default)]
pub(crate) struct Told {
    models: Option<Vec<ModelInUse>>,
    at: Option<Instant>,
}

/// What a stream tells of them.
#[derive(Serialize)]
struct News<'a> {
    models: &'a [ModelInUse],
}

impl Told {
    /// The models in use as JSON, where they differ from what was told and it is time to tell it.
    pub(crate) fn news(&mut self, state: &AppState) -> Option<String> {
        let now = clock::monotonic();
        if self.at.is_some_and(|at| now.duration_since(at) < EVERY) {
            return None;
        }
        self.at = Some(now);
        let models = models(state);
        if self.models.as_ref() == Some(&models) {
            return None;
        }
        let text = serde_json::to_string(&News { models: &models }).ok();
        self.models = Some(models);
        text
    }
}
