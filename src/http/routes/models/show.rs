//! Models and their versions as they stand.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::view::{ModelView, VersionView};
use crate::http::extract::{Nothing, Path, Query};
use crate::http::file::{self, Told};
use crate::http::page::{self, Page, PageQuery};
use crate::http::{AppState, Problem};
use crate::inference::VersionRef;

/// Lists models, newest first.
#[utoipa::path(
    get, path = "/v1/models", tag = "models", operation_id = "list_models", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Page<ModelView>))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ModelView>>, Problem> {
    let after = page::cursor::<i64>(query.after.as_deref())?;
    let page = state.store.models(after, query.limit.unwrap_or_default().0).await?;
    Ok(Json(Page::new(page, ModelView::from)))
}

/// Shows a model.
#[utoipa::path(
    get, path = "/v1/models/{name}", tag = "models", operation_id = "show_model",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    responses((status = 200, description = "The model.", body = ModelView))
)]
pub(crate) async fn show(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<ModelView>, Problem> {
    Ok(Json(state.store.model(&name).await?.into()))
}

/// Shows a version of a model.
#[utoipa::path(
    get, path = "/v1/models/{name}/versions/{version}", tag = "models", operation_id = "show_version",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    responses((status = 200, description = "The version.", body = VersionView))
)]
pub(crate) async fn version(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<VersionView>, Problem> {
    let found = state.store.model_version(&name, &version).await?;
    let description = state.inference.describe(&name, &VersionRef::Number(found.version)).await?;
    Ok(Json(VersionView::new(found, description)))
}

/// The weights of a version, in safetensors.
///
/// Named after the nodes of the spec, in the order of the plan, without metadata: equal weights are equal files.
#[utoipa::path(
    get, path = "/v1/models/{name}/versions/{version}/weights", tag = "models", operation_id = "weights",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
        ("range" = Option<String>, Header, description = "Some of the bytes."),
    ),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "Some of its bytes.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "It is what `if-none-match` names."),
    ),
    extensions(("x-problems" = json!({"416": "The file has no such bytes."})))
)]
pub(crate) async fn weights(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let found = state.store.model_version(&name, &version).await?;
    let path = state.artifacts.local_path(&format!("{}/weights.safetensors", found.key))?;
    let file_name = format!("{name}-{}.safetensors", found.version);
    let told =
        Told { media_type: "application/octet-stream", name: Some(&file_name), sha256: Some(&found.sha256) };
    file::answer(&path, &told, &headers).await
}

/// Deletes a version.
#[utoipa::path(
    delete, path = "/v1/models/{name}/versions/{version}", tag = "models", operation_id = "delete_version",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "2"),
    ),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!({"409": "An alias other than `latest` points at it."})))
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let found = state.store.delete_model_version(&name, &version).await?;
    state.inference.forget(&name, found.version).await;
    state.artifacts.delete_prefix(&found.key).await?;
    Ok(StatusCode::NO_CONTENT)
}
