//! What models have done since the server started, by Triton's statistics extension.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{Nothing, Path, Query};
use crate::http::{AppState, Problem};
use crate::inference::{self, VersionRef};

/// Events of one sort, and their time together.
#[derive(Serialize, ToSchema)]
#[schema(as = InferenceTally)]
pub(crate) struct Tally {
    count: u64,
    /// Nanoseconds.
    ns: u64,
}

impl From<inference::Tally> for Tally {
    fn from(tally: inference::Tally) -> Self {
        Self { count: tally.count, ns: tally.nanoseconds }
    }
}

/// Where the time of requests went.
#[derive(Serialize, ToSchema)]
pub(crate) struct InferenceStats {
    success: Tally,
    fail: Tally,
    /// Waiting for a batch.
    queue: Tally,
    /// Into the network's form.
    compute_input: Tally,
    /// In the network.
    compute_infer: Tally,
    /// Into the data's terms.
    compute_output: Tally,
    /// There is no cache of answers: nothing is ever found in it.
    cache_hit: Tally,
    cache_miss: Tally,
}

/// Batches of one size.
#[derive(Serialize, ToSchema)]
pub(crate) struct BatchStats {
    batch_size: usize,
    compute_input: Tally,
    compute_infer: Tally,
    compute_output: Tally,
}

/// What a version has done.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelStats {
    #[schema(example = "iris")]
    name: String,
    #[schema(example = "1")]
    version: String,
    /// When it was asked last, in milliseconds since the epoch.
    last_inference: u64,
    /// Examples.
    inference_count: u64,
    /// Batches.
    execution_count: u64,
    inference_stats: InferenceStats,
    batch_stats: Vec<BatchStats>,
}

/// What versions have done.
#[derive(Serialize, ToSchema)]
pub(crate) struct Statistics {
    model_stats: Vec<ModelStats>,
}

impl ModelStats {
    fn of(state: &AppState, name: &str, version: u32) -> Self {
        let said = state.inference.metrics().statistics(name, version);
        let none = || Tally { count: 0, ns: 0 };
        let batch = |(size, tally): (&usize, &inference::Tally)| BatchStats {
            batch_size: *size,
            compute_input: none(),
            compute_infer: (*tally).into(),
            compute_output: none(),
        };
        Self {
            name: name.to_owned(),
            version: version.to_string(),
            last_inference: said.last / 1_000,
            inference_count: said.inferences,
            execution_count: said.executions,
            batch_stats: said.batches.iter().map(batch).collect(),
            inference_stats: InferenceStats {
                success: said.success.into(),
                fail: said.fail.into(),
                queue: said.queue.into(),
                compute_input: said.compute_input.into(),
                compute_infer: said.compute_infer.into(),
                compute_output: said.compute_output.into(),
                cache_hit: none(),
                cache_miss: none(),
            },
        }
    }
}

/// What all loaded versions have done since the server started.
#[utoipa::path(
    get, path = "/v2/models/stats", tag = "inference", operation_id = "v2_all_statistics",
    responses((status = 200, description = "Their statistics.", body = Statistics))
)]
pub(crate) async fn all(State(state): State<AppState>, _: Query<Nothing>) -> Json<Statistics> {
    let loaded = state.inference.loaded();
    let model_stats = loaded.iter().map(|(name, version)| ModelStats::of(&state, name, *version)).collect();
    Json(Statistics { model_stats })
}

/// What the versions of a model have done since the server started.
#[utoipa::path(
    get, path = "/v2/models/{name}/stats", tag = "inference", operation_id = "v2_model_statistics",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    responses((status = 200, description = "Their statistics.", body = Statistics))
)]
pub(crate) async fn of_model(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<Statistics>, Problem> {
    let model = state.store.model(&name).await?;
    let of = |version: u32| ModelStats::of(&state, &name, version);
    Ok(Json(Statistics { model_stats: model.versions.iter().map(|one| of(one.version)).collect() }))
}

/// What a version has done since the server started.
#[utoipa::path(
    get, path = "/v2/models/{name}/versions/{version}/stats", tag = "inference", operation_id = "v2_version_statistics",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    responses((status = 200, description = "Its statistics.", body = Statistics))
)]
pub(crate) async fn of_version(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<Statistics>, Problem> {
    let signature = state.inference.signature(&name, &VersionRef::parse(&version)).await?;
    Ok(Json(Statistics { model_stats: vec![ModelStats::of(&state, &name, signature.version)] }))
}
