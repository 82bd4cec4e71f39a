//! Changing jobs.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use uuid::Uuid;

use super::view::JobView;
use crate::http::extract::{Body, Nothing, Path, Query};
use crate::http::openapi::JobChangeSchema;
use crate::http::{AppState, Problem};
use crate::spec::{Labels, Priority};
use crate::store::{self, JobId};

/// Cancels a job.
///
/// A queued job is cancelled at once, a running one as soon as its run has ended. Twice is the same as once.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 202, description = "The job, cancelled or about to be.", body = JobView)),
    extensions(("x-problems" = json!({"409": "The job has succeeded or failed."})))
)]
pub(crate) async fn cancel(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(state.jobs.cancel(JobId(id)).await?.into())))
}

/// Pauses a job.
///
/// A waiting job is paused at once, a running one behind a checkpoint as soon as its step has ended. Twice is the same
/// as once.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/pause", tag = "jobs", operation_id = "pause_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 202, description = "The job, paused or about to be.", body = JobView)),
    extensions(("x-problems" = json!({"409": "The job is finished, or about to be cancelled."})))
)]
pub(crate) async fn pause(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(state.jobs.pause(JobId(id)).await?.into())))
}

/// Resumes a paused job.
///
/// It goes back to the queue and on from its newest checkpoint. Twice is the same as once.
#[utoipa::path(
    post, path = "/v1/jobs/{id}/resume", tag = "jobs", operation_id = "resume_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 202, description = "The job, queued or running.", body = JobView)),
    extensions(("x-problems" = json!({"409": "The job is finished, or about to be cancelled."})))
)]
pub(crate) async fn resume(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(state.jobs.resume(JobId(id)).await?.into())))
}

crate::record! {
    /// What of a job may be changed.
    pub(crate) struct JobChange {
        /// Greater goes first; while the job is queued.
        pub(crate) priority: Option<Priority> = None,
        /// Instead of those it has.
        pub(crate) labels: Option<Labels> = None,
        /// Words of the user's own about the job.
        pub(crate) notes: Option<String> = None,
    }
}

/// Changes a job's priority while it is queued, or its labels or notes at any time.
#[utoipa::path(
    patch, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "change_job",
    params(("id" = Uuid, Path, description = "The job.")),
    request_body(content = JobChangeSchema, description = "What is to change; the rest stays."),
    responses((status = 200, description = "The job.", body = JobView)),
    extensions(("x-problems" = json!({"409": "The job is not queued any more, and its priority cannot change."})))
)]
pub(crate) async fn change(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
    Body(change): Body<JobChange>,
) -> Result<Json<JobView>, Problem> {
    let change = store::JobChange {
        priority: change.priority.map(|priority| priority.get() as i32),
        labels: change.labels.map(|labels| labels.0),
        notes: change.notes,
    };
    let changed = state.store.change_job(JobId(id), change).await?;
    state.jobs.reconsider();
    Ok(Json(changed.into()))
}

/// Deletes a finished job with its runs and metrics. Its models, and the spec that they were made by, stay.
#[utoipa::path(
    delete, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "delete_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!({"409": "The job is not finished."})))
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let deleted = state.store.delete_job(JobId(id)).await?;
    state.jobs.forget_runs(&deleted.runs).await;
    Ok(StatusCode::NO_CONTENT)
}
