//! Jobs as they stand.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::view::{JobView, RunView};
use crate::http::extract::{Limit, Nothing, Path, Query, from_text};
use crate::http::page::{self, Page, PageQuery, Place};
use crate::http::{AppState, Kind, Problem};
use crate::store::{JobFilter, JobId, JobStatus, LabelFilter};

/// Jobs that one request may name.
pub(super) const MOST_AT_ONCE: usize = 100;

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct JobQuery {
    /// Jobs of this status alone, or of one of several, separated by commas: `queued`, `running`, `paused`, `retrying`,
    /// `succeeded`, `failed`, `cancelled`.
    #[param(example = "queued,running")]
    status: Option<String>,
    /// Jobs of this name alone.
    name: Option<String>,
    /// Jobs whose names hold this text.
    search: Option<String>,
    /// These jobs alone, at most 100, separated by commas.
    id: Option<String>,
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

/// A page of jobs, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobPage {
    data: Vec<JobView>,
    /// The cursor of the next page, for `after`; `null` on the last one.
    #[schema(required)]
    next: Option<String>,
    /// How many jobs fit on all pages together.
    total: u64,
}

/// Lists jobs, newest first.
#[utoipa::path(
    get, path = "/v1/jobs", tag = "jobs", operation_id = "list_jobs", params(JobQuery),
    responses((status = 200, description = "A page of them.", body = JobPage))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<JobQuery>,
) -> Result<Json<JobPage>, Problem> {
    let filter = JobFilter {
        status: given(query.status.as_deref()).map(statuses_of).transpose()?.unwrap_or_default(),
        labels: given(query.label.as_deref()).map(labels_of).unwrap_or_default(),
        model: query.model.filter(|model| !model.is_empty()),
        name: query.name,
        search: query.search.filter(|text| !text.is_empty()),
        ids: given(query.id.as_deref()).map(ids_of).transpose()?.unwrap_or_default(),
    };
    let after = page::cursor::<JobId>(query.after.as_deref())?;
    let page = state.store.jobs(&filter, after, query.limit.unwrap_or_default().0).await?;
    let Page { data, next } = Page::new(page, JobView::from);
    Ok(Json(JobPage { data, next, total: state.store.count_jobs(&filter).await? }))
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

/// A filter that is empty asks for nothing.
fn given(filter: Option<&str>) -> Option<&str> {
    filter.filter(|filter| !filter.is_empty())
}

/// Ids of jobs, separated by commas.
pub(super) fn ids_of(words: &str) -> Result<Vec<JobId>, Problem> {
    let wrong = |detail: String| Problem::new(Kind::BadQuery, detail);
    let read = |word: &str| word.parse().map_err(|_| wrong(format!("{word:?} is not the id of a job")));
    let ids = words.split(',').map(read).collect::<Result<Vec<JobId>, _>>()?;
    if ids.len() > MOST_AT_ONCE {
        return Err(wrong(format!("at most {MOST_AT_ONCE} jobs are told at once")));
    }
    Ok(ids)
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
