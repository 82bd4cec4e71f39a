//! What the server is, and what a model takes and answers.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::datatype::Datatype;
use crate::http::extract::{Nothing, Path, Query};
use crate::http::openapi::ModelConfigSchema;
use crate::http::{AppState, Problem};
use crate::inference::{Signature, TensorForm, VersionRef};

/// What the inference server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerMetadata {
    #[schema(example = "lyceum")]
    name: &'static str,
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Of the protocol, by Triton's names.
    extensions: [&'static str; 6],
}

/// A tensor that a model takes or answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct TensorMetadata {
    #[schema(example = "image")]
    name: String,
    #[schema(example = "UINT8")]
    datatype: &'static str,
    /// With the batch axis first, which is −1: any number of examples.
    #[schema(example = json!([-1, 1, 28, 28]))]
    shape: Vec<i64>,
}

/// What a model takes and answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModelMetadata {
    #[schema(example = "iris")]
    name: String,
    /// Its versions, by number.
    versions: Vec<String>,
    #[schema(example = "lyceum")]
    platform: &'static str,
    inputs: Vec<TensorMetadata>,
    outputs: Vec<TensorMetadata>,
}

/// What the inference server is, and which extensions it has.
#[utoipa::path(
    get, path = "/v2", tag = "inference", operation_id = "v2_server",
    responses((status = 200, description = "The server.", body = ServerMetadata))
)]
pub(crate) async fn server(_: Query<Nothing>) -> Json<ServerMetadata> {
    Json(ServerMetadata {
        name: "lyceum",
        version: env!("CARGO_PKG_VERSION"),
        extensions: [
            "binary_tensor_data",
            "classification",
            "model_configuration",
            "model_repository",
            "schedule_policy",
            "statistics",
        ],
    })
}

/// What the latest version of a model takes and answers.
#[utoipa::path(
    get, path = "/v2/models/{name}", tag = "inference", operation_id = "v2_model",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    responses((status = 200, description = "The model.", body = ModelMetadata))
)]
pub(crate) async fn model(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<ModelMetadata>, Problem> {
    metadata(&state, &name, &VersionRef::latest()).await
}

/// What a version of a model takes and answers.
#[utoipa::path(
    get, path = "/v2/models/{name}/versions/{version}", tag = "inference", operation_id = "v2_version",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    responses((status = 200, description = "The version.", body = ModelMetadata))
)]
pub(crate) async fn version(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<ModelMetadata>, Problem> {
    metadata(&state, &name, &VersionRef::parse(&version)).await
}

async fn metadata(
    state: &AppState,
    name: &str,
    version: &VersionRef,
) -> Result<Json<ModelMetadata>, Problem> {
    let signature = state.inference.signature(name, version).await?;
    let versions =
        state.store.model(name).await?.versions.iter().map(|one| one.version.to_string()).collect();
    let tensors = |forms: &[TensorForm]| forms.iter().map(TensorMetadata::of).collect();
    Ok(Json(ModelMetadata {
        name: name.to_owned(),
        versions,
        platform: "lyceum",
        inputs: tensors(&signature.inputs),
        outputs: tensors(&signature.outputs),
    }))
}

impl TensorMetadata {
    fn of(form: &TensorForm) -> Self {
        let shape = std::iter::once(-1).chain(form.shape.iter().map(|extent| *extent as i64)).collect();
        Self { name: form.name.clone(), datatype: Datatype::of(form.element).name(), shape }
    }
}

/// How the latest version of a model is run, in the words of Triton's configuration.
#[utoipa::path(
    get, path = "/v2/models/{name}/config", tag = "inference", operation_id = "v2_config",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    responses((status = 200, description = "Its configuration.", body = ModelConfigSchema))
)]
pub(crate) async fn config(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<Value>, Problem> {
    let signature = state.inference.signature(&name, &VersionRef::latest()).await?;
    Ok(Json(configuration(&state, &signature)))
}

/// How a version of a model is run, in the words of Triton's configuration.
#[utoipa::path(
    get, path = "/v2/models/{name}/versions/{version}/config", tag = "inference", operation_id = "v2_version_config",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    responses((status = 200, description = "Its configuration.", body = ModelConfigSchema))
)]
pub(crate) async fn version_config(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<Value>, Problem> {
    let signature = state.inference.signature(&name, &VersionRef::parse(&version)).await?;
    Ok(Json(configuration(&state, &signature)))
}

fn configuration(state: &AppState, signature: &Signature) -> Value {
    let settings = &state.config.inference;
    let tensors = |forms: &[TensorForm]| -> Vec<Value> {
        let tensor = |form: &TensorForm| {
            let datatype = Datatype::of(form.element).name();
            let kind =
                if datatype == "BYTES" { "TYPE_STRING".to_owned() } else { format!("TYPE_{datatype}") };
            json!({"name": form.name, "data_type": kind, "dims": form.shape})
        };
        forms.iter().map(tensor).collect()
    };
    json!({
        "name": &*signature.model,
        "platform": "lyceum",
        "backend": "lyceum",
        "max_batch_size": settings.max_batch_size,
        "input": tensors(&signature.inputs),
        "output": tensors(&signature.outputs),
        "instance_group": [{"kind": "KIND_CPU", "count": settings.instances}],
        "dynamic_batching": {
            "preferred_batch_size": [settings.max_batch_size],
            "max_queue_delay_microseconds": settings.max_delay_us,
            "default_queue_policy": {"max_queue_size": settings.max_queue},
        },
    })
}
