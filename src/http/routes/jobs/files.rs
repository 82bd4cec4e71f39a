//! What the runs of a job leave: checkpoints, artifacts and logs.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::view::{ArtifactView, CheckpointView};
use crate::http::extract::{Nothing, Path, Query, from_text};
use crate::http::file::{self, Told};
use crate::http::page::{Page, PageQuery, Place};
use crate::http::{AppState, Kind, Problem};
use crate::store::{Artifact, Checkpoint, JobId, RunId};

/// Lists the checkpoints of a job that are kept, newest first.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/checkpoints", tag = "jobs", operation_id = "list_checkpoints",
    params(("id" = Uuid, Path, description = "The job."), PageQuery),
    responses((status = 200, description = "A page of them.", body = Page<CheckpointView>))
)]
pub(crate) async fn checkpoints(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<CheckpointView>>, Problem> {
    // A job that is not there has none, which would look like one that has none yet.
    state.store.job(JobId(id)).await?;
    let checkpoints = state.store.checkpoints(JobId(id)).await?;
    let place = |kept: &Checkpoint| Place::new(kept.attempt, kept.step, "");
    Page::cut(checkpoints, &query, place, CheckpointView::from).map(Json)
}

/// Lists the artifacts of a job, newest first: what its runs made beside weights.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts", tag = "jobs", operation_id = "list_artifacts",
    params(("id" = Uuid, Path, description = "The job."), PageQuery),
    responses((status = 200, description = "A page of them.", body = Page<ArtifactView>))
)]
pub(crate) async fn artifacts(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<ArtifactView>>, Problem> {
    state.store.job(JobId(id)).await?;
    let artifacts = state.store.artifacts(JobId(id)).await?;
    let place = |made: &Artifact| Place::new(made.created_at, 0, &made.name);
    Page::cut(artifacts, &query, place, |made| ArtifactView::new(JobId(id), made)).map(Json)
}

/// The bytes of an artifact: that of the latest run which made one of the name.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/artifacts/{name}", tag = "jobs", operation_id = "artifact",
    params(
        ("id" = Uuid, Path, description = "The job."),
        ("name" = String, Path, description = "The artifact."),
        ("range" = Option<String>, Header, description = "Some of the bytes."),
    ),
    responses(
        (status = 200, description = "The file, in its own media type.", body = Vec<u8>, content_type = "*/*"),
        (status = 206, description = "Some of its bytes.", body = Vec<u8>, content_type = "*/*"),
        (status = 304, description = "It is what `if-none-match` names."),
    ),
    extensions(("x-problems" = json!({"416": "The file has no such bytes."})))
)]
pub(crate) async fn artifact(
    State(state): State<AppState>,
    Path((id, name)): Path<(Uuid, String)>,
    _: Query<Nothing>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let artifact = state.store.artifact(JobId(id), &name).await?;
    let path = state.artifacts.local_path(&artifact.key)?;
    let told =
        Told { media_type: &artifact.media_type, name: Some(&artifact.name), sha256: Some(&artifact.sha256) };
    file::answer(&path, &told, &headers).await
}

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct LogQuery {
    /// The last lines alone, so many of them.
    #[param(value_type = Option<u64>, minimum = 0)]
    #[serde(deserialize_with = "from_text")]
    tail: Option<u64>,
    /// The log of this run; of the latest one where it is absent.
    run: Option<Uuid>,
}

/// What a run of the job wrote, as text.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/logs", tag = "jobs", operation_id = "job_logs",
    params(
        ("id" = Uuid, Path, description = "The job."),
        LogQuery,
        ("range" = Option<String>, Header, description = "Some of the bytes; not together with `tail`."),
    ),
    responses(
        (status = 200, description = "The log; empty before the first run.", body = String, content_type = "text/plain"),
        (status = 206, description = "Some of its bytes.", body = String, content_type = "text/plain"),
    ),
    extensions(("x-problems" = json!({"416": "The log has no such bytes."})))
)]
pub(crate) async fn logs(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<LogQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if query.tail.is_some() && headers.contains_key(header::RANGE) {
        return Err(Problem::new(Kind::BadQuery, "tail: does not go together with a range"));
    }
    let job = state.store.job(JobId(id)).await?;
    let run = match query.run {
        Some(run) if job.runs.iter().any(|known| known.id.0 == run) => Some(RunId(run)),
        Some(run) => return Err(Problem::not_found(format!("run {run} of this job"))),
        None => job.runs.last().map(|run| run.id),
    };
    let path = run.map(|run| state.jobs.run_log(run)).filter(|path| path.exists());
    let told = Told { media_type: file::TEXT, name: None, sha256: None };
    match (path, query.tail) {
        (None, _) => Ok(([(header::CONTENT_TYPE, file::TEXT)], "").into_response()),
        (Some(path), None) => file::answer(&path, &told, &headers).await,
        (Some(path), Some(lines)) => {
            let start = file::tail(&path, lines).await.map_err(Problem::internal)?;
            file::text_from(&path, start).await
        }
    }
}
