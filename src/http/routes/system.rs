//! How the machine and the server stand.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::serving::{self, ModelInUse};
use crate::http::extract::{Nothing, Query};
use crate::http::{AppState, Problem};
use crate::store::JobStatus;

/// The machine and the server.
#[derive(Serialize, ToSchema)]
pub(crate) struct System {
    /// Of the program.
    #[schema(example = "0.1.0")]
    version: &'static str,
    uptime_seconds: f64,
    /// Processors that the server may use.
    cores: usize,
    threads: Threads,
    memory: Memory,
    disk: Disk,
    gpus: Vec<Gpu>,
    /// How many jobs stand where, by status.
    #[schema(example = json!({"running": 1, "queued": 3}))]
    jobs: BTreeMap<&'static str, u64>,
    /// The models that are loaded, the one that was asked last first, at most 50.
    models: Vec<ModelInUse>,
}

/// The threads that jobs may take together.
#[derive(Serialize, ToSchema)]
#[schema(as = SystemThreads)]
pub(crate) struct Threads {
    total: u32,
    used: u32,
}

/// The memory in MiB that jobs may take together.
#[derive(Serialize, ToSchema)]
#[schema(as = SystemMemory)]
pub(crate) struct Memory {
    total_mb: u64,
    used_mb: u64,
}

/// The disk that the data folder is on.
#[derive(Serialize, ToSchema)]
#[schema(as = SystemDisk)]
pub(crate) struct Disk {
    total_bytes: u64,
    free_bytes: u64,
    /// What the data folder holds, when it was last measured.
    data_bytes: u64,
}

/// A GPU that jobs may take.
#[derive(Serialize, ToSchema)]
#[schema(as = SystemGpu)]
pub(crate) struct Gpu {
    #[schema(example = "cuda:0")]
    name: String,
    used: bool,
}

/// How the machine and the server stand.
#[utoipa::path(
    get, path = "/v1/system", tag = "operations",
    responses((status = 200, description = "Figures of the machine and the server.", body = System))
)]
pub(crate) async fn system(
    State(state): State<AppState>,
    _: Query<Nothing>,
) -> Result<Json<System>, Problem> {
    let (total, free) = state.jobs.capacity();
    let counts = state.store.job_counts().await?;
    let count =
        |status: &JobStatus| counts.iter().find(|(of, _)| of == status).map_or(0, |(_, count)| *count);
    let disk = rustix::fs::statvfs(&state.config.server.data_dir).map_err(Problem::internal)?;
    Ok(Json(System {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: state.started.elapsed().as_secs_f64(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        threads: Threads { total: total.threads, used: total.threads.saturating_sub(free.threads) },
        memory: Memory { total_mb: total.memory_mb, used_mb: total.memory_mb.saturating_sub(free.memory_mb) },
        disk: Disk {
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            data_bytes: state.jobs.usage().0,
        },
        gpus: total
            .gpus
            .iter()
            .map(|gpu| Gpu { name: format!("cuda:{gpu}"), used: !free.gpus.contains(gpu) })
            .collect(),
        jobs: JobStatus::ALL.iter().map(|status| (status.word(), count(status))).collect(),
        models: serving::models(&state),
    }))
}
