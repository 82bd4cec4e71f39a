//! Posting a job.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use sha2::{Digest as _, Sha256};

use super::view::JobView;
use crate::http::extract::{Nothing, Posted, Query};
use crate::http::idempotency::{IdempotencyKey, Turn, repeated};
use crate::http::openapi::JobSpecSchema;
use crate::http::{AppState, Problem};
use crate::jobs::Origin;
use crate::store::{Answer, Created, Job};
use crate::telemetry::TraceContext;

/// Where idempotency keys of this route belong.
const SCOPE: &str = "POST /v1/jobs";

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
        "429": "As many jobs wait as may, or as many of the key are not finished.",
        "507": "The disk is full, or the data folder holds as much as it may.",
    })))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    _: Query<Nothing>,
    key: IdempotencyKey,
    trace: Option<Extension<TraceContext>>,
    Posted { text, value }: Posted,
) -> Result<Response, Problem> {
    let digest = Sha256::digest(&text).into();
    let _turn = match key.turn(&state, SCOPE, &digest).await? {
        Turn::Answered(before) => return repeated(before),
        own @ Turn::Own(_) => own,
    };
    let origin = Origin { key: key.caller(), trace: trace.map(|Extension(trace)| trace) };
    let idempotency = key.keep(SCOPE, digest, answer);
    let posted = String::from_utf8_lossy(&text).into_owned();
    match state.jobs.submit(value, posted, origin, idempotency).await? {
        Created::Now(job) => repeated(answer(&job)),
        Created::Before(before) => repeated(before),
    }
}

pub(super) fn answer(job: &Job) -> Answer {
    let location = format!("/v1/jobs/{}", job.id);
    let body = serde_json::to_string(&JobView::from(job.clone())).unwrap_or_default();
    Answer { status: 202, headers: vec![("location".into(), location)], body }
}
