//! The same done to many jobs at once.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::again::again;
use super::list::MOST_AT_ONCE;
use super::view::JobView;
use crate::http::access::Caller;
use crate::http::extract::{Body, Nothing, Query};
use crate::http::openapi::JobActionsSchema;
use crate::http::{AppState, Kind, Problem, ProblemBody};
use crate::jobs::{Action, Origin};
use crate::store::JobId;

crate::record! {
    /// The same for many jobs.
    pub(crate) struct JobActions {
        /// What is done: `cancel`, `pause`, `resume`, `retry` or `delete`, each as for one job alone.
        pub(crate) action: Action,
        /// The ids of the jobs, at most 100.
        pub(crate) jobs: Vec<String>,
    }
}

/// What came of it for one of the jobs.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobActed {
    /// As it was given.
    #[schema(example = "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d")]
    id: String,
    /// The HTTP status that it would have been answered with alone.
    #[schema(minimum = 200, maximum = 599, example = 202)]
    status: u16,
    /// The job afterwards, or the new one of a retry.
    #[schema(required)]
    job: Option<JobView>,
    /// Why it was refused.
    #[schema(required)]
    problem: Option<ProblemBody>,
}

/// What came of it for each of the jobs, in their order.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobsActed {
    data: Vec<JobActed>,
}

/// Cancels, pauses, resumes, posts again or deletes many jobs. One that is refused does not keep the others.
#[utoipa::path(
    post, path = "/v1/jobs/actions", tag = "jobs", operation_id = "act_on_jobs",
    request_body(content = JobActionsSchema, description = "What is done, and to which jobs."),
    responses((status = 200, description = "What came of it for each.", body = JobsActed))
)]
pub(crate) async fn act(
    State(state): State<AppState>,
    _: Query<Nothing>,
    caller: Option<Extension<Caller>>,
    Body(body): Body<JobActions>,
) -> Result<Json<JobsActed>, Problem> {
    if body.jobs.is_empty() || body.jobs.len() > MOST_AT_ONCE {
        let detail = format!("jobs: must be 1 to {MOST_AT_ONCE} ids, not {}", body.jobs.len());
        return Err(Problem::new(Kind::Invalid, detail));
    }
    let key = caller.map(|Extension(caller)| caller.key.name);
    let mut data = Vec::with_capacity(body.jobs.len());
    for id in body.jobs {
        let done = match id.parse() {
            Ok(job) => one(&state, body.action, job, key.clone()).await,
            Err(_) => Err(Problem::not_found(format!("job {id:?}"))),
        };
        data.push(match done {
            Ok((status, job)) => JobActed { id, status: status.as_u16(), job, problem: None },
            Err(problem) => {
                let told = problem.body(Uuid::now_v7(), "");
                JobActed { id, status: told.status, job: None, problem: Some(told) }
            }
        });
    }
    Ok(Json(JobsActed { data }))
}

async fn one(
    state: &AppState,
    action: Action,
    id: JobId,
    key: Option<String>,
) -> Result<(StatusCode, Option<JobView>), Problem> {
    let job = match action {
        Action::Cancel => state.jobs.cancel(id).await?,
        Action::Pause => state.jobs.pause(id).await?,
        Action::Resume => state.jobs.resume(id).await?,
        Action::Retry => again(state, id, Origin { key, trace: None }).await?,
        Action::Delete => {
            let deleted = state.store.delete_job(id).await?;
            state.jobs.forget_runs(&deleted.runs).await;
            return Ok((StatusCode::NO_CONTENT, None));
        }
    };
    Ok((StatusCode::ACCEPTED, Some(job.into())))
}
