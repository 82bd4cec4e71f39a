//! The server's side of the runner protocol.

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::core::{Core, Live};
use super::protocol::{Answer, BATCH_BYTES, Batch, Heartbeat};
use super::token;
use crate::spec::report::Report;
use crate::store::{RunId, StoreError};
use crate::{clock, fault};

pub(crate) fn router(core: Arc<Core>) -> Router {
    Router::new()
        .route(super::protocol::NEXT, post(next))
        .route("/runner/v1/runs/{run}/reports", post(reports))
        .route("/runner/v1/runs/{run}/heartbeat", post(heartbeat))
        .layer(DefaultBodyLimit::max(BATCH_BYTES * 2))
        .with_state(core)
}

/// What a worker says of itself when it asks for a run.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Free {
    pub(crate) worker: Uuid,
}

/// Why a worker is refused.
#[derive(Debug)]
enum Refusal {
    Unknown,
    Gone,
    /// It tells of files that are not its own, or of numbers that no run comes to.
    Untrue,
    OutOfOrder {
        expected: u64,
    },
    Full,
    Unavailable,
}

/// What a worker hears that leaves a batch out.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Expected {
    pub(crate) expected: u64,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Unknown => StatusCode::UNAUTHORIZED.into_response(),
            Self::Gone => StatusCode::GONE.into_response(),
            Self::Untrue => StatusCode::UNPROCESSABLE_ENTITY.into_response(),
            Self::OutOfOrder { expected } => {
                (StatusCode::CONFLICT, Json(Expected { expected })).into_response()
            }
            Self::Full => StatusCode::INSUFFICIENT_STORAGE.into_response(),
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        }
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

async fn next(
    State(core): State<Arc<Core>>,
    headers: HeaderMap,
    Json(free): Json<Free>,
) -> Result<Response, Refusal> {
    let token = bearer(&headers).ok_or(Refusal::Unknown)?;
    let worker = core.workers.known(free.worker, token).ok_or(Refusal::Unknown)?;
    Ok(match core.workers.next(&worker).await {
        Some(assignment) => Json(assignment).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    })
}

/// The run, if it is under way and this is its worker.
fn admit(core: &Core, run: Uuid, attempt: u32, headers: &HeaderMap) -> Result<Arc<Live>, Refusal> {
    let token = bearer(headers).ok_or(Refusal::Unknown)?;
    let live = core.live(RunId(run)).ok_or(Refusal::Gone)?;
    if !token::equal(&live.token_hash, &token::hash(token)) {
        return Err(Refusal::Unknown);
    }
    if live.attempt != attempt {
        return Err(Refusal::Gone);
    }
    live.hear();
    Ok(live)
}

async fn reports(
    State(core): State<Arc<Core>>,
    Path(run): Path<Uuid>,
    headers: HeaderMap,
    Json(batch): Json<Batch>,
) -> Result<Json<Answer>, Refusal> {
    let live = admit(&core, run, batch.attempt, &headers)?;
    if !batch.fits() || !batch.keeps_to_its_own(live.job.0, run) {
        tracing::warn!(%run, "a run reports a file that is not its own, or a number beyond all bounds");
        return Err(Refusal::Untrue);
    }
    let finished = batch.reports.iter().any(|report| matches!(report, Report::Finished { .. }));
    let checkpoint = batch.reports.iter().any(|report| matches!(report, Report::Checkpoint { .. }));
    let stored = core.store.report(live.run, batch.attempt, batch.seq, clock::now_us(), batch.reports).await;
    let control = stored.map_err(|error| refuse(&core, &live, error))?;
    fault::point("server.report.stored");
    live.tell(control);
    if checkpoint {
        forget_old_checkpoints(&core, &live).await;
    }
    if finished {
        core.let_go(&live);
    }
    Ok(Json(Answer { control: *live.control.borrow() }))
}

fn refuse(core: &Core, live: &Live, error: StoreError) -> Refusal {
    match error {
        StoreError::Gone | StoreError::NotFound(_) => {
            core.let_go(live);
            Refusal::Gone
        }
        StoreError::OutOfOrder { expected } => Refusal::OutOfOrder { expected },
        StoreError::Full => Refusal::Full,
        StoreError::Closed | StoreError::Busy => Refusal::Unavailable,
        error => {
            tracing::error!(%error, run = %live.run, "a run's reports could not be stored");
            Refusal::Unavailable
        }
    }
}

/// Answers as soon as there is something else to do than the worker knows, or when it is time for the next sign of
/// life.
async fn heartbeat(
    State(core): State<Arc<Core>>,
    Path(run): Path<Uuid>,
    headers: HeaderMap,
    Json(beat): Json<Heartbeat>,
) -> Result<Json<Answer>, Refusal> {
    let live = admit(&core, run, beat.attempt, &headers)?;
    let mut control = live.control.subscribe();
    let patience = std::time::Duration::from_secs(core.settings.run_heartbeat_seconds);
    tokio::select! {
        _ = control.wait_for(|control| *control != beat.control) => {}
        () = live.ended.cancelled() => return Err(Refusal::Gone),
        () = core.closing.cancelled() => {}
        () = tokio::time::sleep(patience) => {}
    }
    Ok(Json(Answer { control: *live.control.borrow() }))
}

/// Keeps as many of the job's checkpoints as its spec says. The newest stands before an older one goes.
pub(super) async fn forget_old_checkpoints(core: &Core, live: &Live) {
    let kept = match core.store.checkpoints(live.job).await {
        Ok(kept) => kept,
        Err(error) => return tracing::warn!(%error, job = %live.job, "checkpoints cannot be listed"),
    };
    for old in kept.into_iter().skip(live.keep) {
        let forgotten = core.store.forget_checkpoint(old.run, old.step).await;
        if let Err(error) = forgotten {
            tracing::warn!(%error, job = %live.job, "a checkpoint cannot be forgotten");
            continue;
        }
        fault::point("server.checkpoint.forgotten");
        if let Err(error) = core.artifacts.delete_prefix(&old.key).await {
            tracing::warn!(%error, key = old.key, "a checkpoint cannot be deleted");
        }
    }
}
