//! A finished job posted again, and the body that it was posted with.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
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
use crate::store::{Created, Idempotency, Job, JobId};
use crate::telemetry::TraceContext;

/// Where idempotency keys of this route belong.
const SCOPE: &str = "POST /v1/jobs/{id}/retry";

/// Posts a finished job again.
///
/// Its body is taken as it was posted: where that names no version of a data set it is the latest by now, and where it has
/// no seed another is drawn. What the old job has made stays.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/retry", tag = "jobs", operation_id = "retry_job",
    params(
        ("id" = Uuid, Path, description = "The job."),
        ("idempotency-key" = Option<String>, Header, description = "Makes a repeated request safe for a day: the same key gives the same answer and one job."),
    ),
    responses((status = 202, description = "The new job is queued.", body = JobView, headers(("location" = String, description = "The new job.")))),
    extensions(("x-problems" = json!({
        "409": "The job is not finished, or the idempotency key was used for another one.",
        "422": "The body is refused by now; its data set may be gone.",
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
    let idempotency = key.keep(SCOPE, digest, answer);
    match again(&state, JobId(id), origin, idempotency).await? {
        Created::Now(job) => repeated(answer(&job)),
        Created::Before(before) => repeated(before),
    }
}

/// Posts a job's body again.
pub(super) async fn again(
    state: &AppState,
    id: JobId,
    origin: Origin,
    idempotency: Option<Idempotency<Job>>,
) -> Result<Created<Job>, Problem> {
    let job = state.store.job(id).await?;
    if !job.status.terminal() {
        let detail = format!("the job is {}; one that is finished can be posted again", job.status);
        return Err(Problem::new(Kind::Conflict, detail));
    }
    let posted = state.store.posted(id).await?;
    let body: Value = serde_json::from_str(&posted).map_err(Problem::internal)?;
    Ok(state.jobs.submit(body, posted, origin, idempotency).await?)
}

/// The body that a job was posted with.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/posted", tag = "jobs", operation_id = "posted_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 200, description = "The body, letter by letter.", body = JobSpecSchema))
)]
pub(crate) async fn posted(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<Response, Problem> {
    let posted = state.store.posted(JobId(id)).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], posted).into_response())
}
