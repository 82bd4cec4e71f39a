//! What the machine and the server have, and what of it is in use: for people who look after it.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use rustix::fs::statvfs;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::extract::{Nothing, Query};
use crate::http::{AppState, Problem};
use crate::store::{JobFilter, JobStatus};

/// Running jobs that are looked at for their speed.
const RUNNING: u32 = 200;

/// Threads that jobs may take.
#[derive(Serialize, ToSchema)]
pub(crate) struct Threads {
    used: u32,
    total: u32,
}

/// Memory that jobs may take.
#[derive(Serialize, ToSchema)]
pub(crate) struct Memory {
    used_mb: u64,
    total_mb: u64,
}

/// The disk that the data folder is on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Disk {
    /// Bytes that are free for the server.
    free_bytes: u64,
    total_bytes: u64,
    /// Bytes in the data folder, when it was last measured.
    data_bytes: u64,
    /// Bytes that the data folder may hold; `null` for as many as there is room for.
    #[schema(required)]
    budget_bytes: Option<u64>,
}

/// A GPU that jobs may take.
#[derive(Serialize, ToSchema)]
pub(crate) struct Gpu {
    #[schema(example = "cuda:0")]
    name: String,
    used: bool,
}

/// The machine and the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct System {
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    uptime_seconds: f64,
    /// Of the machine, as far as the server may use them.
    cores: usize,
    threads: Threads,
    memory: Memory,
    disk: Disk,
    gpus: Vec<Gpu>,
    /// How many jobs there are, by status.
    jobs: BTreeMap<&'static str, u64>,
    /// What all running jobs learn from together.
    examples_per_second: f64,
    /// Model versions that are loaded.
    models_loaded: usize,
}

/// The machine and the server, and what of them is in use.
#[utoipa::path(
    get, path = "/v1/system", tag = "operations", operation_id = "system",
    responses((status = 200, description = "How it stands.", body = System))
)]
pub(crate) async fn system(
    State(state): State<AppState>,
    _: Query<Nothing>,
) -> Result<Json<System>, Problem> {
    let standing = state.store.standing().await?;
    let counted = |status: &JobStatus| {
        let count = standing.jobs.iter().find(|(counted, _)| counted == status);
        (status.word(), count.map_or(0, |(_, count)| *count))
    };
    let running = JobFilter { status: vec![JobStatus::Running], ..JobFilter::default() };
    let running = state.store.jobs(&running, None, RUNNING).await?;
    let (total, free) = state.jobs.capacity();
    let gpu = |index: &u32| Gpu { name: format!("cuda:{index}"), used: !free.gpus.contains(index) };
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: state.started.elapsed().as_secs_f64(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        threads: Threads { used: total.threads.saturating_sub(free.threads), total: total.threads },
        memory: Memory { used_mb: total.memory_mb.saturating_sub(free.memory_mb), total_mb: total.memory_mb },
        disk: disk(&state).await?,
        gpus: total.gpus.iter().map(gpu).collect(),
        jobs: JobStatus::ALL.iter().map(counted).collect(),
        examples_per_second: running.data.iter().map(|job| job.progress.examples_per_second).sum(),
        models_loaded: state.inference.loaded().len(),
    }))
}

async fn disk(state: &AppState) -> Result<Disk, Problem> {
    let folder = state.config.server.data_dir.clone();
    let found = tokio::task::spawn_blocking(move || statvfs(&folder)).await.map_err(Problem::internal)?;
    let found = found.map_err(Problem::internal)?;
    let (data_bytes, budget) = state.jobs.usage();
    Ok(Disk {
        free_bytes: found.f_bavail * found.f_frsize,
        total_bytes: found.f_blocks * found.f_frsize,
        data_bytes,
        budget_bytes: (budget > 0).then_some(budget),
    })
}
