//! The same done to many jobs at once.

use axum::Extension;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::again::again;
use super::list::MOST_AT_ONCE;
use super::view::JobView;
use crate::http::extract::{Nothing, Posted, Query, record};
use crate::http::idempotency::IdempotencyKey;
use crate::http::middleware::RequestIds;
use crate::http::openapi::JobActionsSchema;
use crate::http::{AppState, Problem, ProblemBody};
use crate::jobs::Action;
use crate::spec::{Pointer, SpecErrors};
use crate::store::{Answer, JobId};
use crate::telemetry::TraceContext;

/// Where idempotency keys of this route belong; each new job's, behind it, to the job that is posted again.
const SCOPE: &str = "POST /v1/jobs/actions";

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
    #[schema(required, value_type = Option<JobView>)]
    job: Option<Value>,
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
///
/// A retry that is repeated under its idempotency key answers the jobs that it made; what was refused is tried again.
#[utoipa::path(
    post, path = "/v1/jobs/actions", tag = "jobs", operation_id = "act_on_jobs",
    params(("idempotency-key" = Option<String>, Header, description = "Makes a repeated request safe for a day: the same key and body post no job twice.")),
    request_body(content = JobActionsSchema, description = "What is done, and to which jobs."),
    responses((status = 200, description = "What came of it for each.", body = JobsActed)),
    extensions(("x-problems" = json!({"409": "The idempotency key was used with another body."})))
)]
pub(crate) async fn act(
    State(state): State<AppState>,
    _: Query<Nothing>,
    key: IdempotencyKey,
    trace: Option<Extension<TraceContext>>,
    Extension(ids): Extension<RequestIds>,
    Posted { text, value }: Posted,
) -> Result<Json<JobsActed>, Problem> {
    let digest = Sha256::digest(&text).into();
    // Held until all of them are done, by the first of those that show the key; the others find what was made.
    let _turn = key.turn(&state, SCOPE, &digest).await?;
    let body: JobActions = record(&value)?;
    if body.jobs.is_empty() || body.jobs.len() > MOST_AT_ONCE {
        let detail = format!("must be 1 to {MOST_AT_ONCE} ids, not {}", body.jobs.len());
        return Err(SpecErrors::of(&Pointer::root().key("jobs"), detail).into());
    }
    if let Some(kept) =
        key.keep(SCOPE, digest, |()| Answer { status: 200, headers: Vec::new(), body: String::new() })
    {
        state.store.keep_key(kept).await?;
    }
    let call = Call { key, digest, trace: trace.map(|Extension(trace)| trace) };
    let mut data = Vec::with_capacity(body.jobs.len());
    for id in body.jobs {
        let done = match id.parse() {
            Ok(job) => call.act(&state, body.action, job).await,
            Err(_) => Err(Problem::not_found(format!("job {id:?}"))),
        };
        data.push(match done {
            Ok((status, job)) => JobActed { id, status: status.as_u16(), job, problem: None },
            Err(problem) => {
                problem.log();
                let told = problem.body(ids.instance, &ids.id);
                JobActed { id, status: told.status, job: None, problem: Some(told) }
            }
        });
    }
    Ok(Json(JobsActed { data }))
}

/// What all parts of a call share.
struct Call {
    key: IdempotencyKey,
    digest: [u8; 32],
    trace: Option<TraceContext>,
}

impl Call {
    /// Does it to one job.
    async fn act(
        &self,
        state: &AppState,
        action: Action,
        id: JobId,
    ) -> Result<(StatusCode, Option<Value>), Problem> {
        let job = match action {
            Action::Cancel => state.jobs.cancel(id).await?,
            Action::Pause => state.jobs.pause(id).await?,
            Action::Resume => state.jobs.resume(id).await?,
            Action::Retry => {
                let call = (&self.key, SCOPE, self.digest);
                let made = again(state, id, call, self.trace).await?;
                let job = serde_json::from_str(&made.body).map_err(Problem::internal)?;
                return Ok((StatusCode::ACCEPTED, Some(job)));
            }
            Action::Delete => {
                let deleted = state.store.delete_job(id).await?;
                state.jobs.forget_runs(&deleted.runs).await;
                return Ok((StatusCode::NO_CONTENT, None));
            }
        };
        let job = serde_json::to_value(JobView::from(job)).map_err(Problem::internal)?;
        Ok((StatusCode::ACCEPTED, Some(job)))
    }
}
