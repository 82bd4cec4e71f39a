//! One thing done to many jobs.

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::again::again;
use super::view::JobView;
use crate::http::access::Caller;
use crate::http::extract::{Body, Nothing, Query};
use crate::http::openapi::JobActionSchema;
use crate::http::{AppState, Problem, ProblemBody};
use crate::jobs::Origin;
use crate::spec::field::found;
use crate::spec::{Field, Pointer, SpecErrors};
use crate::store::{Created, JobId};
use crate::telemetry::TraceContext;

/// Jobs of one request.
const MOST: usize = 1_000;

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Cancel,
    Pause,
    Resume,
    Retry,
    Delete,
}

impl Action {
    const ALL: [(&'static str, Self); 5] = [
        ("cancel", Self::Cancel),
        ("pause", Self::Pause),
        ("resume", Self::Resume),
        ("retry", Self::Retry),
        ("delete", Self::Delete),
    ];
    const WORDS: [&'static str; 5] = ["cancel", "pause", "resume", "retry", "delete"];
}

impl Field for Action {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read = Self::ALL.iter().find(|(word, _)| value == word).map(|(_, action)| *action);
        if read.is_none() {
            errors.push(at, format!("must be one of {}, not {}", Self::WORDS.join(", "), found(value)));
        }
        read
    }

    fn write(&self) -> Value {
        Self::ALL.iter().find(|(_, action)| action == self).map_or(Value::Null, |(word, _)| json!(word))
    }

    fn schema() -> Value {
        json!({"type": "string", "enum": Self::WORDS})
    }
}

/// The ids of jobs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ids(Vec<Uuid>);

impl Field for Ids {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let items = value.as_array().filter(|items| (1..=MOST).contains(&items.len()));
        let Some(items) = items else {
            errors.push(at, format!("must be a list of 1 to {MOST} ids of jobs, not {}", found(value)));
            return None;
        };
        let mut ids = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item.as_str().and_then(|text| text.parse().ok()) {
                Some(id) => ids.push(id),
                None => errors.push(&at.index(index), format!("must be a job's id, not {}", found(item))),
            }
        }
        (ids.len() == items.len()).then_some(Self(ids))
    }

    fn write(&self) -> Value {
        json!(self.0)
    }

    fn schema() -> Value {
        json!({"type": "array", "minItems": 1, "maxItems": MOST, "items": {"type": "string", "format": "uuid"}})
    }
}

crate::record! {
    /// What is to be done, and to which jobs.
    pub(crate) struct JobAction {
        /// `cancel`, `pause`, `resume`, `retry` or `delete`, each as its own call does it.
        pub(crate) action: Action,
        /// The jobs, by their ids.
        pub(crate) jobs: Ids,
    }
}

/// What came of it for one job.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionResult {
    id: Uuid,
    /// The status that the job's own call would have answered.
    status: u16,
    /// The job, or the new one of a retry; `null` where it was deleted or refused.
    #[schema(required)]
    job: Option<JobView>,
    /// Why it was refused.
    #[schema(required)]
    problem: Option<ProblemBody>,
}

/// What came of it, in the order of the request.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionResults {
    data: Vec<ActionResult>,
}

/// Does the same to many jobs, one after another: what is refused for one does not keep it from the others.
#[utoipa::path(
    post, path = "/v1/jobs/actions", tag = "jobs", operation_id = "act_on_jobs",
    request_body(content = JobActionSchema, description = "What is to be done."),
    responses((status = 200, description = "What came of it for each.", body = ActionResults))
)]
pub(crate) async fn act(
    State(state): State<AppState>,
    _: Query<Nothing>,
    caller: Option<Extension<Caller>>,
    trace: Option<Extension<TraceContext>>,
    Body(wanted): Body<JobAction>,
) -> Json<ActionResults> {
    let key = caller.map(|Extension(caller)| caller.key.name);
    let trace = trace.map(|Extension(trace)| trace);
    let mut data = Vec::with_capacity(wanted.jobs.0.len());
    for id in wanted.jobs.0 {
        let origin = Origin { key: key.clone(), trace };
        data.push(match one(&state, wanted.action, id, origin).await {
            Ok((status, job)) => ActionResult { id, status: status.as_u16(), job, problem: None },
            Err(problem) => {
                let problem = problem.body(Uuid::now_v7(), "");
                ActionResult { id, status: problem.status, job: None, problem: Some(problem) }
            }
        });
    }
    Json(ActionResults { data })
}

async fn one(
    state: &AppState,
    action: Action,
    id: Uuid,
    origin: Origin,
) -> Result<(StatusCode, Option<JobView>), Problem> {
    let id = JobId(id);
    let job = match action {
        Action::Cancel => state.jobs.cancel(id).await?,
        Action::Pause => state.jobs.pause(id).await?,
        Action::Resume => state.jobs.resume(id).await?,
        Action::Retry => match again(state, id, origin, None).await? {
            Created::Now(job) => job,
            Created::Before(_) => return Err(Problem::internal("a job that nobody kept was made before")),
        },
        Action::Delete => {
            let deleted = state.store.delete_job(id).await?;
            state.jobs.forget_runs(&deleted.runs).await;
            return Ok((StatusCode::NO_CONTENT, None));
        }
    };
    Ok((StatusCode::ACCEPTED, Some(job.into())))
}
