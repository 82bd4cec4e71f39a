//! The models that there are, loaded before they are called and unloaded to make room.

use std::collections::HashSet;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::http::extract::{Nothing, Path, Query};
use crate::http::openapi::{DoneSchema, IndexBody, RepositoryBody};
use crate::http::{AppState, Kind, Problem, body};
use crate::inference::VersionRef;

/// Models asked of the store at once.
const PAGE: u32 = 1_000;

/// A version in the repository.
#[derive(Serialize, ToSchema)]
pub(crate) struct Indexed {
    #[schema(example = "iris")]
    name: String,
    #[schema(example = "1")]
    version: String,
    /// `READY` where it is loaded, `UNAVAILABLE` where its first call will load it.
    #[schema(example = "READY")]
    state: &'static str,
    /// Why it is as it is.
    reason: &'static str,
}

/// Lists every version of every model.
#[utoipa::path(
    post, path = "/v2/repository/index", tag = "inference", operation_id = "v2_index",
    request_body(content = IndexBody, description = "Whether those alone are meant that are loaded."),
    responses((status = 200, description = "The versions.", body = Vec<Indexed>))
)]
pub(crate) async fn index(
    State(state): State<AppState>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Json<Vec<Indexed>>, Problem> {
    let body = optional_json(&state, request).await?;
    let ready_alone = body.get("ready").and_then(Value::as_bool).unwrap_or(false);
    let loaded: HashSet<(Arc<str>, u32)> = state.inference.loaded().into_iter().collect();
    let (mut indexed, mut after) = (Vec::new(), None);
    loop {
        let page = state.store.models(after, PAGE).await?;
        for model in &page.data {
            for version in &model.versions {
                let is_loaded = loaded.contains(&(model.name.as_str().into(), version.version));
                if is_loaded || !ready_alone {
                    let (state, reason) =
                        if is_loaded { ("READY", "") } else { ("UNAVAILABLE", "its first call loads it") };
                    let (name, version) = (model.name.clone(), version.version.to_string());
                    indexed.push(Indexed { name, version, state, reason });
                }
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(Json(indexed));
        }
    }
}

/// Loads the latest version of a model before it is called.
#[utoipa::path(
    post, path = "/v2/repository/models/{name}/load", tag = "inference", operation_id = "v2_load",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    request_body(content = RepositoryBody, description = "Nothing, or parameters, of which none changes how a model is loaded."),
    responses((status = 200, description = "It is loaded.", body = DoneSchema))
)]
pub(crate) async fn load(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    let body = optional_json(&state, request).await?;
    if body["parameters"].as_object().is_some_and(|parameters| !parameters.is_empty()) {
        let detail = "parameters: a model is loaded as its job made it; send none";
        return Err(Problem::new(Kind::UnreadableBody, detail));
    }
    state.inference.load(&name, &VersionRef::latest()).await?;
    Ok(Json(json!({})))
}

/// Unloads all versions of a model; requests that run finish first. The next call loads it again.
#[utoipa::path(
    post, path = "/v2/repository/models/{name}/unload", tag = "inference", operation_id = "v2_unload",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    request_body(content = RepositoryBody, description = "Nothing, or parameters: no model depends on another."),
    responses((status = 200, description = "It is unloaded.", body = DoneSchema))
)]
pub(crate) async fn unload(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Json<Value>, Problem> {
    optional_json(&state, request).await?;
    state.inference.signature(&name, &VersionRef::latest()).await?;
    state.inference.unload(&name, None).await;
    Ok(Json(json!({})))
}

/// A body that may be left out, as clients of the protocol do.
async fn optional_json(state: &AppState, request: Request) -> Result<Value, Problem> {
    let (parts, body) = request.into_parts();
    let limits = &state.config.http;
    let text = body::read(&parts.headers, body, limits.json_body_bytes, limits).await?;
    let value =
        if text.iter().all(u8::is_ascii_whitespace) { json!({}) } else { body::json(text, limits).await? };
    if value.is_object() {
        return Ok(value);
    }
    Err(Problem::new(Kind::UnreadableBody, "the body must be an object, or left out"))
}
