//! The metrics of a job.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::list::ids_of;
use super::view::{Series, SeriesList};
use crate::http::extract::{Path, Query, from_text};
use crate::http::{AppState, Problem};
use crate::store::{JobId, RunId, SeriesQuery};

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct MetricQuery {
    /// The series of this name alone.
    #[param(example = "val_loss")]
    name: Option<String>,
    /// The points of this run alone; else those of all runs joined.
    run: Option<Uuid>,
    /// Points behind this step alone.
    #[param(value_type = Option<u64>, minimum = 0)]
    #[serde(deserialize_with = "from_text")]
    since_step: Option<u64>,
    /// The most points of a series, by default 1,000; of more the least and the greatest of each stretch are kept, and
    /// both ends.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    #[serde(deserialize_with = "from_text")]
    max_points: Option<MaxPoints>,
}

/// `max_points`: 1 to 10,000.
struct MaxPoints(usize);

impl std::str::FromStr for MaxPoints {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let most = text.parse().ok().filter(|most| (1..=10_000).contains(most));
        most.map(Self).ok_or("must be a whole number from 1 to 10000")
    }
}

#[derive(Deserialize, IntoParams)]
pub(crate) struct ManyMetricsQuery {
    /// The jobs, at most 100, separated by commas.
    jobs: String,
    /// The series of this name.
    #[param(example = "val_loss")]
    name: String,
    /// The most points of a series, by default 1,000, thinned as those of a job.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    #[serde(default, deserialize_with = "from_text")]
    max_points: Option<MaxPoints>,
}

/// A metric of one of several jobs over its steps.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobSeries {
    job: Uuid,
    #[serde(flatten)]
    series: Series,
}

/// A metric of several jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobSeriesList {
    data: Vec<JobSeries>,
}

/// A metric of several jobs over their steps, such as to compare them. A job without it, or that is not there, is left
/// out.
#[utoipa::path(
    get, path = "/v1/metrics", tag = "jobs", operation_id = "jobs_metrics", params(ManyMetricsQuery),
    responses((status = 200, description = "The series.", body = JobSeriesList))
)]
pub(crate) async fn series_of_many(
    State(state): State<AppState>,
    Query(query): Query<ManyMetricsQuery>,
) -> Result<Json<JobSeriesList>, Problem> {
    let mut data = Vec::new();
    for job in ids_of(&query.jobs)? {
        let wanted = SeriesQuery {
            job,
            name: Some(query.name.clone()),
            run: None,
            since_step: None,
            max_points: query.max_points.as_ref().map_or(1_000, |most| most.0),
        };
        let found = state.store.series(wanted).await?;
        data.extend(found.into_iter().map(|series| JobSeries { job: job.0, series: series.into() }));
    }
    Ok(Json(JobSeriesList { data }))
}

/// The metrics of a job over its steps.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/metrics", tag = "jobs", operation_id = "job_metrics",
    params(("id" = Uuid, Path, description = "The job."), MetricQuery),
    responses((status = 200, description = "The series.", body = SeriesList))
)]
pub(crate) async fn series(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<MetricQuery>,
) -> Result<Json<SeriesList>, Problem> {
    // A job that is not there has no series, which would look like one without any.
    let job = state.store.job(JobId(id)).await?;
    if let Some(run) = query.run
        && !job.runs.iter().any(|known| known.id.0 == run)
    {
        return Err(Problem::not_found(format!("run {run} of this job")));
    }
    let wanted = SeriesQuery {
        job: JobId(id),
        name: query.name,
        run: query.run.map(RunId),
        since_step: query.since_step,
        max_points: query.max_points.map_or(1_000, |most| most.0),
    };
    let series = state.store.series(wanted).await?;
    Ok(Json(SeriesList { data: series.into_iter().map(Series::from).collect() }))
}
