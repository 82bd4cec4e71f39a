//! Plans: what a job would be, without queueing it.

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::http::extract::{self, Nothing, Query};
use crate::http::openapi::{JobSpecSchema, PlanSchema};
use crate::http::{AppState, Problem};

/// Checks a job's body and answers its plan, queueing nothing.
///
/// Every node with its output shape and its number of parameters, or every mistake at once.
#[utoipa::path(
    post, path = "/v1/plans", tag = "jobs", operation_id = "plan",
    request_body(content = JobSpecSchema, description = "A job."),
    responses((status = 200, description = "The plan.", body = PlanSchema))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    _: Query<Nothing>,
    extract::Json(body): extract::Json,
) -> Result<Json<Value>, Problem> {
    Ok(Json(state.jobs.plan(body).await?))
}
