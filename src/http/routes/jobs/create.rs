//! Posting a job.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::view::JobView;
use crate::http::extract::{IdempotencyKey, Json, Nothing, Query};
use crate::http::openapi::JobSpecSchema;
use crate::http::{AppState, Problem};

/// Posts a job.
///
/// It is checked, stored and queued before this answers: 202 holds though the power fails.
#[utoipa::path(
    post, path = "/v1/jobs", tag = "jobs", operation_id = "create_job",
    params(("idempotency-key" = Option<String>, Header, description = "Makes a repeated request safe for a day: the same key and body give the same answer and one job.")),
    request_body(content = JobSpecSchema, description = "The job."),
    responses((status = 202, description = "The job is queued.", body = JobView, headers(("location" = String, description = "The job.")))),
    extensions(("x-problems" = json!({
        "409": "The idempotency key was used with another body.",
        "429": "As many jobs wait as may.",
        "507": "The disk is full.",
    })))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    _: Query<Nothing>,
    IdempotencyKey(key): IdempotencyKey,
    Json(body): Json,
) -> Result<Response, Problem> {
    let _ = (key, body, state, StatusCode::ACCEPTED, header::LOCATION);
    let view: JobView = todo!();
    Ok(axum::Json(view).into_response())
}
