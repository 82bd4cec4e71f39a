//! Takes jobs from the queue as what they need becomes free, and gives them to workers.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::{Core, Live, LiveRun};
use super::parents::{Parents, parents_of};
use super::protocol::{AssignedDataset, AssignedModel, Assignment, RunLimits};
use super::supervisor;
use super::token;
use crate::spec::field::whole;
use crate::spec::report::{ErrorKind, RunError};
use crate::store::{Claim, JobId, Process, StoreError};
use crate::telemetry::TraceContext;
use crate::{clock, fault};

/// How long the scheduler leaves a store alone that failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The queue is looked at again after this, whatever the clock says.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Why nothing is started for now.
#[derive(Debug, thiserror::Error)]
enum Stall {
    #[error("the queue cannot be read: {0}")]
    Store(#[from] StoreError),
    /// Of the machine, not of the job: it would befall the next one as well.
    #[error("a run could not be prepared: {0}")]
    Machine(AssignError),
    #[error("no worker can be started")]
    NoWorker,
}

/// Runs until the server ends.
pub(crate) async fn run(core: Arc<Core>) {
    let mut stalls = 0;
    loop {
        let pause = match start_what_fits(&core).await {
            Ok(retry) => {
                stalls = 0;
                retry
            }
            Err(error @ Stall::Store(_)) => {
                tracing::error!(%error, "no job is started");
                Some(AFTER_FAILURE)
            }
            Err(error) => {
                tracing::error!(%error, "jobs wait");
                // What is tried costs a process, or leaves a run and some events.
                stalls = (stalls + 1).min(6);
                Some((AFTER_FAILURE * (1 << (stalls - 1))).min(LONGEST_WAIT))
            }
        };
        let time = async {
            match pause {
                Some(pause) => tokio::time::sleep(pause).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = core.closing.cancelled() => return,
            // Nobody who posts or cancels a job takes away what stands in the machine's way.
            () = core.wake.notified(), if stalls == 0 => {}
            () = core.workers.back.notified() => {}
            () = time => {}
        }
    }
}

/// Starts the head of the queue as long as it fits; answers in what time a retry may start that may not yet.
async fn start_what_fits(core: &Arc<Core>) -> Result<Option<Duration>, Stall> {
    while !core.closing.is_cancelled() && !core.holding.load(Ordering::Relaxed) {
        let free = core.free();
        if free.threads == 0 || free.memory_mb == 0 {
            // Whoever makes room wakes this task, and no retry can start before.
            return Ok(None);
        }
        if !core.folder.stands() {
            tracing::error!(folder = %core.folder.path().display(), "the data folder is gone; no job is started");
            return Ok(Some(AFTER_FAILURE));
        }
        if !core.workers.can_be_had() {
            if !core.store.job_counts().await?.iter().any(|(status, count)| status.waiting() && *count > 0) {
                return Ok(None);
            }
            // Jobs wait, and are not spent on it.
            core.workers.try_again();
            return Err(Stall::NoWorker);
        }
        match core.store.claim_within(free, &core.total).await? {
            Some(claim) => start(core, claim).await?,
            None => break,
        }
    }
    let retry = core.store.next_retry().await?;
    // One that may start by now waits for room, and whoever makes room wakes this task.
    let left = retry.and_then(|at| u64::try_from(at - clock::now_us()).ok());
    // The clock may be put back meanwhile.
    let wait = |left: u64| Duration::from_micros(left + 1_000).min(LONGEST_WAIT);
    Ok(retry.map(|_| left.map_or(AFTER_FAILURE, wait)))
}

async fn start(core: &Arc<Core>, claim: Claim) -> Result<(), Stall> {
    let (run, attempt) = (claim.run, claim.attempt);
    fault::point("server.claimed");
    match assign(core, claim).await {
        Ok((assignment, live)) => {
            let worker = core.workers.hand(assignment);
            fault::point("server.handed");
            if core.free().threads > 0 {
                core.workers.keep_ready();
            }
            let core = core.clone();
            core.tasks.clone().spawn(async move {
                let keep_token = core.store.set_token(live.run, live.token_hash);
                let (kept, worker) = tokio::join!(keep_token, worker);
                if let Err(error) = kept {
                    tracing::warn!(%error, run = %live.run, "the run's token could not be kept");
                }
                let Ok(worker) = worker else {
                    let why = if core.closing.is_cancelled() {
                        "the server ended before the run began"
                    } else {
                        "no worker could be started; the server's log says why"
                    };
                    // The job is as it was: it waits for a worker, or for the next server.
                    return supervisor::end(&core, &live, ending(ErrorKind::Shutdown, why)).await;
                };
                // Its lease begins with the worker, however long that took to come.
                live.hear();
                let identity = worker.process.identity();
                let process = Process {
                    pid: identity.pid,
                    start_time: identity.started,
                    boot_id: identity.boot.clone(),
                };
                if let Err(error) = core.store.set_process(live.run, process).await {
                    tracing::warn!(%error, run = %live.run, "the run's process could not be kept");
                }
                supervisor::watch(core, live, worker).await;
            });
        }
        Err(error) => {
            tracing::error!(%error, %run, attempt, "a run could not be prepared");
            let machine = error.is_of_the_machine();
            let kind = if machine { ErrorKind::Shutdown } else { ErrorKind::Internal };
            let end = ending(kind, "the run could not be prepared; the server's log says why");
            // Nothing more is claimed before it has ended, or it would stand there for ever.
            let cut = async {
                core.closing.cancelled().await;
                tokio::time::sleep(AFTER_FAILURE).await;
            };
            tokio::select! {
                () = supervisor::end_in_store(core, run, &end, supervisor::Over::Now) => {}
                () = cut => {}
            }
            if machine {
                return Err(Stall::Machine(error));
            }
        }
    }
    Ok(())
}

pub(super) fn ending(kind: ErrorKind, detail: impl Into<String>) -> RunError {
    RunError { kind, detail: detail.into(), hint: None }
}

#[derive(Debug, thiserror::Error)]
enum AssignError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Artifact(#[from] crate::artifacts::ArtifactError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl AssignError {
    /// Whether it would befall any job: the disk is full, say, or the database is held.
    fn is_of_the_machine(&self) -> bool {
        matches!(
            self,
            Self::Io(_)
                | Self::Store(
                    StoreError::Full | StoreError::Busy | StoreError::Closed | StoreError::Database(_)
                )
        )
    }
}

/// The request that posted a job.
pub(super) async fn trace_of(core: &Core, job: JobId) -> Result<Option<TraceContext>, StoreError> {
    Ok(core.store.job_trace(job).await?.and_then(|trace| trace.parse().ok()))
}

/// All that a worker needs for the run.
async fn assign(core: &Core, claim: Claim) -> Result<(Assignment, Arc<Live>), AssignError> {
    let (token, token_hash) = token::fresh()?;
    let folder = core.folder.run(claim.run.0);
    // Not the folders above it: where they are gone, this is no place for a run.
    std::fs::create_dir(&folder)?;
    let mut datasets = Vec::new();
    for (name, version) in datasets_of(&claim.spec) {
        let found = core.store.dataset(&name, version).await?;
        let path = core.artifacts.local_path(&found.key)?;
        datasets.push(AssignedDataset { name, version: found.schema.version, path });
    }
    let Parents { model, job } = parents_of(&claim.spec);
    let mut models = Vec::new();
    if let Some((name, Some(version))) = model {
        let found = core.store.model_version(&name, &version).await?;
        models.push(AssignedModel {
            name,
            version: found.version,
            path: core.artifacts.local_path(&found.key)?,
        });
    }
    let mut checkpoints = claim.checkpoints;
    if let (true, Some(job)) = (checkpoints.is_empty(), job) {
        checkpoints = core.store.checkpoints(job).await?;
    }
    let trace = trace_of(core, claim.job).await?;
    let timeout = claim.spec["timeout_seconds"].as_u64().map(Duration::from_secs);
    let ran = Duration::from_micros(u64::try_from(claim.ran_us).unwrap_or(0));
    let live = core.take_up(LiveRun {
        job: claim.job,
        run: claim.run,
        attempt: claim.attempt,
        token_hash,
        threads: claim.threads,
        memory_mb: claim.memory_mb,
        device: claim.device.clone(),
        keep: kept_checkpoints(&claim.spec),
        time_left: timeout.map(|timeout| timeout.saturating_sub(ran)),
        trace,
    });
    let assignment = Assignment {
        job: claim.job.0,
        run: claim.run.0,
        attempt: claim.attempt,
        trace: trace.map(|trace| trace.trace_id()),
        token,
        spec: claim.spec,
        device: claim.device,
        datasets,
        models,
        artifacts: core.folder.artifacts(),
        checkpoints: checkpoints.into_iter().map(|checkpoint| checkpoint.key).collect(),
        folder,
        limits: RunLimits {
            orphan_seconds: core.settings.orphan_seconds,
            log_bytes: core.settings.run_log_bytes,
            artifacts: core.settings.artifacts,
        },
    };
    Ok((assignment, live))
}

/// How many checkpoints a canonical spec keeps.
pub(super) fn kept_checkpoints(spec: &serde_json::Value) -> usize {
    spec["checkpoint"]["keep"].as_u64().map_or(2, |keep| usize::try_from(keep).unwrap_or(usize::MAX).max(1))
}

/// The data sets that a spec names, with the versions that it names.
pub(super) fn datasets_of(spec: &serde_json::Value) -> Vec<(String, Option<u32>)> {
    let dataset = &spec["training"]["dataset"];
    let name = dataset["name"].as_str().or_else(|| dataset.as_str());
    let version = whole(&dataset["version"]).and_then(|version| u32::try_from(version).ok());
    name.map(|name| (name.to_owned(), version)).into_iter().collect()
}
