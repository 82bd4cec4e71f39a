//! Jobs to begin with.

use axum::Json;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::examples::{self, Example};
use crate::http::Problem;
use crate::http::extract::{Nothing, Path, Query};
use crate::http::openapi::JobSpecSchema;

/// A job to begin with.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobExample {
    #[schema(example = "wine-logistic-regression")]
    name: &'static str,
    /// What kind of things it shows.
    #[schema(example = "Tables in ten lines")]
    group: &'static str,
    /// What it shows.
    #[schema(example = "13 measurements of wines from three cultivars")]
    shows: &'static str,
    /// The data set that it learns from.
    #[schema(example = "wine")]
    dataset: &'static str,
    /// The file of a data set that does not come with the server, at `/v1/examples/{name}/data`: it is to be uploaded
    /// first. `null` where the server brought it.
    #[schema(required, example = "wine.csv")]
    file: Option<&'static str>,
    /// The model that it begins with, which the example of this name makes.
    #[schema(required)]
    model: Option<&'static str>,
}

impl From<&'static Example> for JobExample {
    fn from(example: &'static Example) -> Self {
        Self {
            name: example.name,
            group: example.group,
            shows: &example.shows,
            dataset: &example.dataset,
            file: example.data.map(|file| file.name),
            model: example.model.as_deref(),
        }
    }
}

/// Jobs to begin with.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobExamples {
    data: Vec<JobExample>,
}

/// Lists jobs to begin with.
#[utoipa::path(
    get, path = "/v1/examples", tag = "jobs", operation_id = "list_job_examples",
    responses((status = 200, description = "The examples.", body = JobExamples))
)]
pub(crate) async fn list(_: Query<Nothing>) -> Json<JobExamples> {
    Json(JobExamples { data: examples::all().iter().map(JobExample::from).collect() })
}

/// The body of a job to begin with. It can be posted as it is once its data set is there.
#[utoipa::path(
    get, path = "/v1/examples/{name}", tag = "jobs", operation_id = "job_example",
    params(("name" = String, Path, description = "The example.", example = "wine-logistic-regression")),
    responses((status = 200, description = "The body.", body = JobSpecSchema))
)]
pub(crate) async fn show(Path(name): Path<String>, _: Query<Nothing>) -> Result<Response, Problem> {
    Ok(([(header::CONTENT_TYPE, "application/json")], found(&name)?.body).into_response())
}

/// The data set that a job to begin with needs, as it is uploaded.
#[utoipa::path(
    get, path = "/v1/examples/{name}/data", tag = "jobs", operation_id = "job_example_data",
    params(("name" = String, Path, description = "The example.", example = "wine-logistic-regression")),
    responses((status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"))
)]
pub(crate) async fn data(Path(name): Path<String>, _: Query<Nothing>) -> Result<Response, Problem> {
    let example = found(&name)?;
    let file = example.data.ok_or_else(|| {
        Problem::not_found(format!("file of data set \"{}\", which comes with the server", example.dataset))
    })?;
    let told = format!("attachment; filename=\"{}\"", file.name);
    let headers =
        [(header::CONTENT_TYPE, "application/octet-stream"), (header::CONTENT_DISPOSITION, told.as_str())];
    Ok((headers, file.bytes).into_response())
}

fn found(name: &str) -> Result<&'static Example, Problem> {
    examples::named(name).ok_or_else(|| Problem::not_found("such example"))
}
