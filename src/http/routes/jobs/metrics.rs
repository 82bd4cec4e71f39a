//! The metrics of a job.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use super::view::{Series, SeriesList, SeriesOfJob, SeriesOfJobs};
use crate::http::extract::{Path, Query, from_text};
use crate::http::{AppState, Kind, Problem};
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

/// Jobs of one request.
const MOST_JOBS: usize = 100;

/// Points of all series together.
const MOST_POINTS: usize = 200_000;

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct ManyQuery {
    /// The ids of at most 100 jobs, separated by commas. One that there is not has no series.
    #[param(required = true, example = "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d")]
    jobs: Option<String>,
    /// The series of these names alone, separated by commas.
    #[param(example = "loss,val_loss")]
    name: Option<String>,
    /// The most points of a series, by default 100.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000)]
    #[serde(deserialize_with = "from_text")]
    max_points: Option<MaxPoints>,
}

/// The metrics of several jobs: small curves beside each other, or one over the other.
#[utoipa::path(
    get, path = "/v1/metrics", tag = "jobs", operation_id = "metrics_of_jobs", params(ManyQuery),
    responses((status = 200, description = "The series, in the order of the jobs.", body = SeriesOfJobs))
)]
pub(crate) async fn series_of_many(
    State(state): State<AppState>,
    Query(query): Query<ManyQuery>,
) -> Result<Json<SeriesOfJobs>, Problem> {
    let wrong = |detail: String| Problem::new(Kind::BadQuery, detail);
    let jobs: Vec<Uuid> = words(query.jobs.as_deref())
        .map(|word| word.parse().map_err(|_| wrong(format!("jobs: \"{word}\" is no id of a job"))))
        .collect::<Result<_, _>>()?;
    if !(1..=MOST_JOBS).contains(&jobs.len()) {
        return Err(wrong(format!(
            "jobs: must be 1 to {MOST_JOBS} ids, separated by commas, not {}",
            jobs.len()
        )));
    }
    let names: Vec<&str> = words(query.name.as_deref()).collect();
    let max_points = query.max_points.map_or(100, |most| most.0);
    if jobs.len() * names.len().max(1) * max_points > MOST_POINTS {
        return Err(wrong(format!(
            "max_points: jobs, names and points may come to {MOST_POINTS} points together"
        )));
    }
    let mut data = Vec::new();
    for job in jobs {
        for name in if names.is_empty() { vec![None] } else { names.iter().copied().map(Some).collect() } {
            let name = name.map(str::to_owned);
            let wanted = SeriesQuery { job: JobId(job), name, run: None, since_step: None, max_points };
            let found = state.store.series(wanted).await?;
            data.extend(found.into_iter().map(|series| SeriesOfJob { job, series: series.into() }));
        }
    }
    Ok(Json(SeriesOfJobs { data }))
}

/// The words of a list.
fn words(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default().split(',').map(str::trim).filter(|word| !word.is_empty())
}
