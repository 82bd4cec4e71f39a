//! What a job may be made of, as data: for editors and for forms.

use std::sync::LazyLock;

use axum::Json;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use crate::http::Problem;
use crate::http::compressed::Document;
use crate::http::extract::{Nothing, Query};
use crate::http::openapi::{self, ComponentsSchema, SchemaOfJobs};
use crate::http::problem::Kind;
use crate::train::plan::components;

static JOB_SCHEMA: LazyLock<Document> =
    LazyLock::new(|| Document::new("application/schema+json", openapi::job_schema().to_string()));

/// All components.
static COMPONENTS: LazyLock<Document> = LazyLock::new(|| {
    let listed = components::listed(None).unwrap_or_default();
    Document::new("application/json", openapi::refer_to_job_schema(listed).to_string())
});

#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// The components of one kind alone, such as `layer`, `loss` or `optimizer`.
    #[param(example = "loss")]
    kind: Option<String>,
}

/// Lists the components that a job may be made of.
///
/// Each with its documentation, the JSON Schema of its object and an example. References in a schema are to the schema
/// of a job's body, `/v1/schemas/job`.
#[utoipa::path(
    get, path = "/v1/components", tag = "jobs", operation_id = "list_components", params(Filter),
    responses((status = 200, description = "The components.", body = ComponentsSchema))
)]
pub(crate) async fn list(Query(filter): Query<Filter>, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(kind) = filter.kind else { return Ok(COMPONENTS.answer(&headers)) };
    let listed = components::listed(Some(&kind)).ok_or_else(|| {
        let kinds: Vec<&str> = components::registries().iter().map(|registry| registry.kind).collect();
        Problem::new(Kind::BadQuery, format!("kind must be one of {}", kinds.join(", ")))
    })?;
    Ok(Json(openapi::refer_to_job_schema(listed)).into_response())
}

/// The JSON Schema of a job's body.
///
/// Draft 2020-12, complete in itself: editors complete and check a body by it.
#[utoipa::path(
    get, path = "/v1/schemas/job", tag = "jobs", operation_id = "job_schema",
    responses((status = 200, description = "The schema.", body = SchemaOfJobs, content_type = "application/schema+json"))
)]
pub(crate) async fn job_schema(_: Query<Nothing>, headers: HeaderMap) -> Response {
    JOB_SCHEMA.answer(&headers)
}
