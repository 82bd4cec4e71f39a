//! The time of a training step of a job, as the job's own metrics tell it.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::server::Server;

/// A job that has ended well.
pub(crate) struct Served {
    /// Seconds of a step, by the times of the first and the last point.
    pub(crate) step: f64,
    /// The last of each series.
    pub(crate) metrics: Value,
}

/// Runs a job and answers the seconds of a step.
pub(crate) async fn step_seconds(server: &Server, job: &Value) -> f64 {
    serve(server, job).await.step
}

/// Runs a job.
pub(crate) async fn serve(server: &Server, job: &Value) -> Served {
    let id = server.submit(job).await;
    server.events(&id).await.until_succeeded().await;
    let series = server.get(&format!("/v1/jobs/{id}/metrics?name=step_loss&max_points=10000")).await;
    let points = series["data"][0]["points"].as_array().expect("points");
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let steps = last[0].as_u64().expect("a step") - first[0].as_u64().expect("a step");
    let step = (seconds(&last[2]) - seconds(&first[2])) / steps as f64;
    Served { step, metrics: server.get(&format!("/v1/jobs/{id}")).await["metrics"].clone() }
}

fn seconds(time: &Value) -> f64 {
    let time = OffsetDateTime::parse(time.as_str().expect("a time"), &Rfc3339).expect("a time");
    time.unix_timestamp_nanos() as f64 / 1e9
}
