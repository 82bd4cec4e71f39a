//! Whether the server and its models answer.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{Nothing, Path, Query};
use crate::http::{AppState, Problem};
use crate::inference::VersionRef;

/// A sign of life of the inference server.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    live: bool,
}

/// That inferences are answered.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerReady {
    live: bool,
    ready: bool,
}

/// That a model can be called.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelReady {
    #[schema(example = "iris")]
    name: String,
    ready: bool,
}

/// Whether the server is alive.
#[utoipa::path(
    get, path = "/v2/health/live", tag = "inference", operation_id = "v2_live",
    responses((status = 200, description = "It is.", body = Live))
)]
pub(crate) async fn live(_: Query<Nothing>) -> Json<Live> {
    Json(Live { live: true })
}

/// Whether inferences are answered.
#[utoipa::path(
    get, path = "/v2/health/ready", tag = "inference", operation_id = "v2_ready",
    responses((status = 200, description = "They are.", body = ServerReady))
)]
pub(crate) async fn ready(
    State(state): State<AppState>,
    _: Query<Nothing>,
) -> Result<Json<ServerReady>, Problem> {
    let unready = |cause| Problem::unavailable("the store of models does not answer", 5).because(cause);
    state.store.ready().await.map_err(|error| unready(error.to_string()))?;
    Ok(Json(ServerReady { live: true, ready: true }))
}

/// Whether the latest version of a model can be called. It is loaded when it is.
#[utoipa::path(
    get, path = "/v2/models/{name}/ready", tag = "inference", operation_id = "v2_model_ready",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    responses((status = 200, description = "It can.", body = ModelReady))
)]
pub(crate) async fn model_ready(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<ModelReady>, Problem> {
    is_ready(&state, name, &VersionRef::latest()).await
}

/// Whether a version of a model can be called.
#[utoipa::path(
    get, path = "/v2/models/{name}/versions/{version}/ready", tag = "inference", operation_id = "v2_version_ready",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    responses((status = 200, description = "It can.", body = ModelReady))
)]
pub(crate) async fn version_ready(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<ModelReady>, Problem> {
    is_ready(&state, name, &VersionRef::parse(&version)).await
}

async fn is_ready(state: &AppState, name: String, version: &VersionRef) -> Result<Json<ModelReady>, Problem> {
    state.inference.signature(&name, version).await?;
    Ok(Json(ModelReady { name, ready: true }))
}
