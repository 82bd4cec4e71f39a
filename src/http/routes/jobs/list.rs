//! Jobs as they stand.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::view::{JobView, RunView};
use crate::http::extract::{Limit, Nothing, Path, Query, from_text};
use crate::http::page::{self, Page, PageQuery, Place};
use crate::http::{AppState, Kind, Problem};
use crate::store::{JobFilter, JobId, JobStatus, LabelFilter};

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct JobQuery {
    /// Jobs of this status alone, or of one of several, separated by commas: `queued`, `running`, `paused`, `retrying`,
    /// `succeeded`, `failed`, `cancelled`.
    #[param(example = "queued,running")]
    status: Option<String>,
    /// Jobs of this name alone.
    name: Option<String>,
    /// Jobs with this label alone, `name` or `name=value`; with all of several, separated by commas.
    #[param(example = "course=6.S191")]
    label: Option<String>,
    /// Jobs that make versions of this model alone.
    model: Option<String>,
    /// How many, by default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "from_text")]
    limit: Option<Limit>,
    /// The cursor of a page before.
    after: Option<String>,
}

/// Lists jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs", params(JobQuery),
    responses((status = 200, description = "A page of them.", body = Page<JobView>))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<JobQuery>,
) -> Result<Json<Page<JobView>>, Problem> {
    let filter = JobFilter {
        status: query.status.as_deref().map(statuses_of).transpose()?.unwrap_or_default(),
        labels: query.label.as_deref().map(labels_of).unwrap_or_default(),
        model: query.model,
        name: query.name,
    };
    let after = page::cursor::<JobId>(query.after.as_deref())?;
    let page = state.store.jobs(&filter, after, query.limit.unwrap_or_default().0).await?;
    Ok(Json(Page::new(page, JobView::from)))
}

/// Shows a job.
#[utoipa::path(
    get, path = "/v1/jobs/{id}", tag = "jobs", operation_id = "show_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 200, description = "The job.", body = JobView))
)]
pub(crate) async fn show(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<Json<JobView>, Problem> {
    Ok(Json(state.store.job(JobId(id)).await?.into()))
}

/// Lists the runs of a job, newest first.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/runs", tag = "jobs", operation_id = "list_runs",
    params(("id" = Uuid, Path, description = "The job."), PageQuery),
    responses((status = 200, description = "A page of them.", body = Page<RunView>))
)]
pub(crate) async fn runs(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<RunView>>, Problem> {
    let runs = state.store.job(JobId(id)).await?.runs;
    Page::cut(runs, &query, |run| Place::new(run.attempt, 0, ""), RunView::from).map(Json)
}

fn statuses_of(words: &str) -> Result<Vec<JobStatus>, Problem> {
    let known = |word| {
        JobStatus::from_word(word).ok_or_else(|| {
            Problem::new(Kind::BadQuery, format!("status: must be one of {}", JobStatus::WORDS.join(", ")))
        })
    };
    words.split(',').map(known).collect()
}

/// Labels as `name=value`, or a name alone.
fn labels_of(text: &str) -> Vec<LabelFilter> {
    let label = |text: &str| match text.split_once('=') {
        Some((key, value)) => LabelFilter { key: key.to_owned(), value: Some(value.to_owned()) },
        None => LabelFilter { key: text.to_owned(), value: None },
    };
    text.split(',').map(label).collect()
}
