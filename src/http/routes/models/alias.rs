//! Aliases: names that point at versions.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::view::ModelView;
use crate::http::extract::{Body, Nothing, Path, Query};
use crate::http::openapi::AliasBody;
use crate::http::{AppState, Kind, Problem};
use crate::spec::{Name, Version};

const LATEST: &str = "latest";

crate::record! {
    /// What an alias points at.
    pub(crate) struct AliasTarget {
        /// The number of a version.
        pub(crate) version: Version,
    }
}

/// Points an alias at a version.
///
/// `latest` moves by itself, and an alias is not all digits.
#[utoipa::path(
    put, path = "/v1/models/{name}/aliases/{alias}", tag = "models", operation_id = "put_alias",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("alias" = String, Path, description = "The alias, a name as any other but not all digits.", example = "production"),
    ),
    request_body(content = AliasBody, description = "The version."),
    responses((status = 200, description = "The model.", body = ModelView)),
    extensions(("x-problems" = json!({"409": "`latest` moves by itself."})))
)]
pub(crate) async fn put(
    State(state): State<AppState>,
    Path((name, alias)): Path<(String, String)>,
    _: Query<Nothing>,
    Body(target): Body<AliasTarget>,
) -> Result<Json<ModelView>, Problem> {
    if alias != LATEST && (Name::new(&alias).is_none() || alias.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(Problem::new(
            Kind::BadRequest,
            "an alias has 1 to 63 lower-case letters, digits, dots, dashes and underscores, and is not all digits",
        ));
    }
    state.store.set_alias(&name, &alias, target.version.get()).await?;
    Ok(Json(state.store.model(&name).await?.into()))
}

/// Takes an alias away. The version that it pointed at stays.
#[utoipa::path(
    delete, path = "/v1/models/{name}/aliases/{alias}", tag = "models", operation_id = "delete_alias",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("alias" = String, Path, description = "The alias.", example = "production"),
    ),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!({"409": "`latest` moves by itself."})))
)]
pub(crate) async fn remove(
    State(state): State<AppState>,
    Path((name, alias)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    state.store.delete_alias(&name, &alias).await?;
    Ok(StatusCode::NO_CONTENT)
}
