//! What operators and their machines ask: is it alive, is it ready, which version, which figures.

use std::borrow::Cow;
use std::io::ErrorKind;
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

use crate::artifacts::ArtifactError;
use crate::clock;
use crate::http::extract::{Nothing, Query};
use crate::http::state::Checks;
use crate::http::{AppState, Problem};
use crate::spec::SPEC_VERSION;
use crate::store::StoreError;

/// A sign of life.
#[derive(Serialize, ToSchema)]
pub(crate) struct Alive {
    #[schema(example = true)]
    live: bool,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "It is.", body = Alive)))]
pub(crate) async fn healthz(_: Query<Nothing>) -> Json<Alive> {
    Json(Alive { live: true })
}

/// That everything that is needed is there.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    #[schema(example = true)]
    ready: bool,
}

/// A check costs a commit and a synced file, and anybody may ask for one without a key: so many are made in a second.
const CHECKS: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);

/// Whether jobs and predictions are served: the store answers, the artifacts can be written, at least one worker can
/// start, and the data folder is within its budget.
///
/// Who asks more than five times a second is told what was found last.
#[utoipa::path(
    get, path = "/readyz", tag = "operations",
    responses((status = 200, description = "They are.", body = Ready)),
    extensions(("x-problems" = json!({"503": "They are not; the detail says what is missing."})))
)]
pub(crate) async fn readyz(State(state): State<AppState>, _: Query<Nothing>) -> Result<Json<Ready>, Problem> {
    let asked = clock::monotonic();
    let mut checks = state.checks.clone().lock_owned().await;
    let found = match checks.known(asked, clock::monotonic()) {
        Some(found) => found,
        // On a task of its own: who does not wait for the end has it counted all the same.
        None => tokio::spawn(async move { checks.make(&state).await }).await.map_err(Problem::internal)?,
    };
    found.map(|()| Json(Ready { ready: true }))
}

impl Checks {
    /// What one who asked then may be told without another check.
    fn known(&mut self, asked: Instant, now: Instant) -> Option<Result<(), Problem>> {
        if now.saturating_duration_since(self.since) >= SECOND {
            (self.since, self.made) = (now, 0);
        }
        let (ended, found) = self.last.as_ref()?;
        // Those who waited for a check share it, however long it took.
        (*ended >= asked || self.made >= CHECKS).then(|| found.clone())
    }

    async fn make(&mut self, state: &AppState) -> Result<(), Problem> {
        self.made += 1;
        let found = check(state).await;
        self.last = Some((clock::monotonic(), found.clone()));
        found
    }
}

async fn check(state: &AppState) -> Result<(), Problem> {
    let (mut missing, mut causes) = (Vec::<Cow<'static, str>>::new(), Vec::new());
    if let Err(error) = state.store.ready().await {
        missing.push(without_store(&error).into());
        causes.push(error.to_string());
    }
    if let Err(error) = state.artifacts.ready().await {
        missing.push(without_artifacts(&error).into());
        causes.push(error.to_string());
    }
    if !state.jobs.ready() {
        missing.push("no worker can be started".into());
    }
    if let Err(over) = state.jobs.check_budget(0) {
        missing.push(over.to_string().into());
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Problem::unavailable(missing.join("; "), 5).because(causes.join("; ")))
}

fn without_store(error: &StoreError) -> &'static str {
    match error {
        StoreError::Full => "the database cannot be written: the disk is full",
        StoreError::Busy => "the database cannot be written: another process holds it",
        _ => "the store does not answer, or cannot be written",
    }
}

fn without_artifacts(error: &ArtifactError) -> &'static str {
    let ArtifactError::Io(cause) = error else {
        return match error {
            ArtifactError::Full => "artifacts cannot be written: the disk is full",
            _ => "artifacts cannot be written",
        };
    };
    match cause.kind() {
        ErrorKind::NotFound => "artifacts cannot be written: their folder is gone",
        ErrorKind::ReadOnlyFilesystem => "artifacts cannot be written: the disk is read-only",
        ErrorKind::PermissionDenied => "artifacts cannot be written: the server may not",
        _ => "artifacts cannot be written",
    }
}

/// What is running here.
#[derive(Serialize, ToSchema)]
pub(crate) struct Version {
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Of the API.
    #[schema(example = "v1")]
    api: &'static str,
    /// Of the format of specs.
    #[schema(example = 1)]
    spec_version: u32,
}

/// Which version this is.
#[utoipa::path(get, path = "/v1/version", tag = "operations", responses((status = 200, description = "The version.", body = Version)))]
pub(crate) async fn version(_: Query<Nothing>) -> Json<Version> {
    Json(Version { version: env!("CARGO_PKG_VERSION"), api: "v1", spec_version: SPEC_VERSION })
}

/// Figures for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "operations",
    responses((status = 200, description = "Prometheus's text form.", body = String, content_type = "text/plain"))
)]
pub(crate) async fn metrics(
    State(state): State<AppState>,
    _: Query<Nothing>,
) -> Result<impl IntoResponse, Problem> {
    state.figures.measure(&state).await?;
    let text = state.metrics.render().map_err(Problem::internal)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_checks_are_made_and_shared() {
        let begun = clock::monotonic();
        let at = |milliseconds| begun + Duration::from_millis(milliseconds);
        let mut checks = Checks { since: begun, made: 0, last: None };
        assert!(checks.known(at(0), at(0)).is_none());
        (checks.made, checks.last) = (1, Some((at(10), Ok(()))));
        // One who came while it was under way, and one who came later.
        assert!(checks.known(at(5), at(10)).is_some_and(|found| found.is_ok()));
        assert!(checks.known(at(11), at(11)).is_none());
        let full = Err(Problem::unavailable("the disk is full", 5));
        (checks.made, checks.last) = (CHECKS, Some((at(20), full)));
        assert!(checks.known(at(900), at(900)).is_some_and(|found| found.is_err()));
        assert!(checks.known(at(1_000), at(1_000)).is_none());
    }
}
