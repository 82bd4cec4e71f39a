//! Why a job waits.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::extract::{Nothing, Path, Query};
use crate::http::openapi::Time;
use crate::http::{AppState, Kind, Problem};
use crate::jobs::Why;
use crate::store::{Ahead, JobId};

/// Why a job waits.
#[derive(Serialize, ToSchema)]
#[schema(as = Why)]
pub(crate) struct WhyView {
    /// It in a sentence.
    #[schema(example = "2 jobs are ahead, and 1 thread is missing")]
    detail: String,
    /// The job's place in the queue, from 1.
    #[schema(minimum = 1)]
    position: u64,
    /// The jobs ahead of it, the next one first; at most 100.
    ahead: Vec<AheadView>,
    needs: NeedsView,
    /// What no run takes now.
    free: TokensView,
    /// What the job needs and is not free; zeros where it waits for its turn alone.
    missing: TokensView,
    /// A retry waits until then.
    #[schema(required)]
    not_before: Option<Time>,
    /// When it is expected to start, by what the running jobs say of themselves; `null` where that cannot be told,
    /// because jobs go first whose time nobody knows yet, or because it takes more than this server has.
    #[schema(required)]
    expected_at: Option<Time>,
}

/// What a job takes while it runs.
#[derive(Serialize, ToSchema)]
#[schema(as = Needs)]
pub(crate) struct NeedsView {
    threads: u32,
    memory_mb: u64,
    #[schema(example = "cpu")]
    device: String,
}

/// Threads, memory and GPUs.
#[derive(Serialize, ToSchema)]
#[schema(as = Tokens)]
pub(crate) struct TokensView {
    threads: u32,
    memory_mb: u64,
    gpus: u32,
}

/// A job ahead of another.
#[derive(Serialize, ToSchema)]
#[schema(as = JobAhead)]
pub(crate) struct AheadView {
    id: Uuid,
    #[schema(example = "mnist-cnn")]
    name: String,
    #[schema(minimum = -1000, maximum = 1000)]
    priority: i32,
    threads: u32,
    memory_mb: u64,
    #[schema(example = "auto")]
    device: String,
}

impl From<Ahead> for AheadView {
    fn from(job: Ahead) -> Self {
        Self {
            id: job.id.0,
            name: job.name,
            priority: job.priority,
            threads: job.threads,
            memory_mb: job.memory_mb,
            device: job.device,
        }
    }
}

impl From<Why> for WhyView {
    fn from(why: Why) -> Self {
        let detail = sentence(&why);
        let job = why.waiting.job;
        Self {
            detail,
            position: why.waiting.position,
            ahead: why.waiting.ahead.into_iter().map(AheadView::from).collect(),
            needs: NeedsView {
                threads: job.threads,
                memory_mb: job.memory_mb,
                device: job.resolved_device.unwrap_or(job.device),
            },
            free: TokensView {
                threads: why.free.threads,
                memory_mb: why.free.memory_mb,
                gpus: why.free.gpus.len() as u32,
            },
            missing: TokensView {
                threads: why.missing.threads,
                memory_mb: why.missing.memory_mb,
                gpus: why.missing.gpus,
            },
            not_before: why.waiting.not_before.map(Time),
            expected_at: why.expected_at.map(Time),
        }
    }
}

fn sentence(why: &Why) -> String {
    let count = |n: u64, one: &str, many: &str| match n {
        1 => format!("1 {one} "),
        n => format!("{n} {many} "),
    };
    let mut reasons = Vec::new();
    match why.waiting.position - 1 {
        0 => reasons.push("it is next".to_owned()),
        ahead => reasons.push(count(ahead, "job is", "jobs are") + "ahead"),
    }
    let missing = &why.missing;
    if missing.threads > 0 {
        reasons.push(count(missing.threads.into(), "thread is", "threads are") + "missing");
    }
    if missing.memory_mb > 0 {
        reasons.push(format!("{} MiB of memory are missing", missing.memory_mb));
    }
    if missing.gpus > 0 {
        reasons.push("its GPU is not free".to_owned());
    }
    if !why.fits {
        reasons.push("it takes more than there is on this server when nothing runs".to_owned());
    }
    if why.waiting.not_before.is_some() {
        reasons.push("a retry waits for a while".to_owned());
    }
    reasons.join(", and ")
}

/// Why a job waits: what is ahead of it, what is missing, and when it is expected to start.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/why", tag = "jobs", operation_id = "why_job",
    params(("id" = Uuid, Path, description = "The job.")),
    responses((status = 200, description = "Why it waits.", body = WhyView)),
    extensions(("x-problems" = json!({"409": "The job does not stand in the queue."})))
)]
pub(crate) async fn why(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    _: Query<Nothing>,
) -> Result<Json<WhyView>, Problem> {
    if let Some(why) = state.jobs.why(JobId(id)).await? {
        return Ok(Json(why.into()));
    }
    let status = state.store.job(JobId(id)).await?.status;
    Err(Problem::new(Kind::Conflict, format!("the job does not wait in the queue: it is {status}")))
}
