//! A job's body as it was posted, and posting it again.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::create::answer;
use super::view::JobView;
use crate::http::extract::{Nothing, Path, Query};
use crate::http::idempotency::{IdempotencyKey, Turn, repeated};
use crate::http::openapi::JobSpecSchema;
use crate::http::{AppState, Kind, Problem};
use crate::jobs::Origin;
use crate::store::{Answer, Created, JobId};
use crate::telemetry::TraceContext;

/// Where idempotency keys of this route belong.
const SCOPE: &str = "POST /v1/jobs/{id}/retry";

/// The body that a job was posted with, without the defaults that its spec has.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/posted", tag = "jobs", operation_id = "posted_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 200, description = "The body.", body = JobSpecSchema))
)]
pub(crate) async fn posted(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<Response, Problem> {
    let text = state.store.posted(JobId(id)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], text).into_response())
}

/// Posts the body of a finished job again.
///
/// What is made is a job of its own; where the body names no seed or no version of its data set, these are chosen anew.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "jobs", operation_id = "retry_job",
    params(
        ("id" = Uuid, Path, description = "The job."),
        ("idempotency-key" = Option<String>, Header, description = "Makes a repeated request safe for a day: the same key and job give the same answer and one job."),
    ),
    responses((status = 202, description = "The new job is queued.", body = JobView, headers(("location" = String, description = "The new job.")))),
    extensions(("x-problems" = json!({
        "409": "The job is not finished, or the idempotency key was used for another.",
        "429": "As many jobs wait as may, or as many of the key are not finished.",
        "507": "The disk is full, or the data folder holds as much as it may.",
    })))
)]
pub(crate) async fn retry(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
    key: IdempotencyKey,
    trace: Option<Extension<TraceContext>>,
) -> Result<Response, Problem> {
    let digest = Sha256::digest(id.as_bytes()).into();
    let _turn = match key.turn(&state, SCOPE, &digest).await? {
        Turn::Answered(before) => return repeated(before),
        own @ Turn::Own(_) => own,
    };
    let origin = Origin { key: key.caller(), trace: trace.map(|Extension(trace)| trace) };
    let (text, body) = finished(&state, JobId(id)).await?;
    match state.jobs.submit(body, text, origin, key.keep(SCOPE, digest, answer)).await? {
        Created::Now(job) => repeated(answer(&job)),
        Created::Before(before) => repeated(before),
    }
}

/// The same for one of many, within the scope and for the body of their call.
pub(super) async fn again(
    state: &AppState,
    id: JobId,
    (key, scope, digest): (&IdempotencyKey, &str, [u8; 32]),
    trace: Option<TraceContext>,
) -> Result<Answer, Problem> {
    let scope = format!("{scope} {id}");
    let _turn = match key.turn(state, &scope, &digest).await? {
        Turn::Answered(before) => return Ok(before),
        own @ Turn::Own(_) => own,
    };
    let origin = Origin { key: key.caller(), trace };
    let (text, body) = finished(state, id).await?;
    Ok(match state.jobs.submit(body, text, origin, key.keep(&scope, digest, answer)).await? {
        Created::Now(job) => answer(&job),
        Created::Before(before) => before,
    })
}

/// The body of a job that has finished.
async fn finished(state: &AppState, id: JobId) -> Result<(String, Value), Problem> {
    let job = state.store.job(id).await?;
    if !job.status.terminal() {
        let detail = format!("the job is {}; it can be posted again when it is finished", job.status);
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let text = state.store.posted(id).await?;
    let body = serde_json::from_str(&text).map_err(Problem::internal)?;
    Ok((text, body))
}
