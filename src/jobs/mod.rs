//! The queue and all that runs in processes of its own: jobs are admitted as there is room for them, trained by
//! workers that are watched, and fenced off when they are given up; uploads are read by children under limits.
//!
//! `scheduler` takes jobs from the queue, `workers` has the processes, `runner` hears what they report,
//! `supervisor` sees to it that every run ends; `worker` is the other side, in the child.

mod action;
mod catalog;
mod core;
mod debris;
mod folder;
pub mod gpus;
mod import;
mod lease;
mod leftovers;
mod limits;
mod parents;
pub mod process;
mod protocol;
mod retention;
mod runner;
mod scheduler;
mod shipped;
pub(crate) mod socket;
mod submit;
mod supervisor;
pub(crate) mod token;
mod usage;
mod why;
pub mod worker;
mod workers;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::future::join_all;
use prometheus::IntCounter;
use tokio::sync::{Mutex, Semaphore};

pub use action::Action;
pub use catalog::DatasetError;
pub use folder::{DataFolder, FolderError};
pub use import::{ImportError, Upload};
pub use leftovers::{LookError, Orphan, orphans};
pub use submit::Origin;
pub use usage::OverBudget;
pub use why::Why;

use self::core::Core;
use catalog::Datasets;
use import::Importer;
use shipped::Shipped;
use usage::Usage;
use workers::Workers;

use crate::artifacts::Artifacts;
use crate::clock;
use crate::config::{self, OnShutdown};
use crate::data::{Arrival, Dataset, Format};
use crate::spec::SpecErrors;
use crate::spec::report::{Control, ErrorKind};
use crate::store::{
    Capacity, Created, DeletedDataset, Desired, Job, JobId, JobStatus, PutDataset, RunId, Store, StoreError,
};
use crate::telemetry::Traces;

/// What a worker could not report yet, in its run's folder.
pub(crate) const SPOOL: &str = "spool";

/// In a run's folder: what is being written before it is put among the artifacts.
pub(crate) const SCRATCH: &str = "scratch";

/// How long reports in flight may take when the server ends.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How long the count of waiting jobs is good for.
const COUNT_AGE: Duration = Duration::from_millis(500);

/// Why a job is not taken.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    #[error("{0}")]
    Refused(#[from] SpecErrors),
    /// Another time it may be.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0} jobs wait already, which is as many as may")]
    QueueFull(u64),
    #[error(transparent)]
    OverBudget(#[from] OverBudget),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why the queue does not begin.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the socket for workers cannot be bound: {0}")]
    Socket(#[source] std::io::Error),
    #[error("the runs of an earlier server cannot be taken over: {0}")]
    Store(#[from] StoreError),
}

/// What the queue is started with.
pub struct Setup {
    /// Held for as long as the queue stands.
    pub folder: DataFolder,
    pub jobs: config::Jobs,
    pub data: config::Data,
    /// The program that is run as a worker: this one.
    pub program: PathBuf,
    /// The folder of the data sets that ship.
    pub shipped: Option<PathBuf>,
    pub store: Store,
    pub artifacts: Artifacts,
    /// Where runs are told of.
    pub traces: Traces,
}

/// A cheap handle on the queue.
#[derive(Clone)]
pub struct Jobs {
    core: Arc<Core>,
    datasets: Arc<Datasets>,
    importer: Arc<Importer>,
    shipped: Arc<Shipped>,
    usage: Arc<Usage>,
    /// Plans that are made at once.
    resolving: Arc<Semaphore>,
    /// How many jobs wait, and when they were counted.
    waiting: Arc<Mutex<Option<(Instant, u64)>>>,
}

impl Jobs {
    /// Takes over what an earlier server left and begins to take jobs from the queue.
    pub async fn start(setup: Setup) -> Result<Self, StartError> {
        let Setup { folder, jobs, data, program, shipped, store, artifacts, traces } = setup;
        clear_uploads(&folder);
        let listener = socket::bind(&folder.socket()).map_err(StartError::Socket)?;
        let workers = Workers::new(program.clone(), folder.clone(), &jobs);
        let usage = Usage::new(folder.path(), jobs.disk_budget_bytes);
        let gpus = gpus::find(&program).await;
        if gpus.as_ref().is_some_and(Vec::is_empty) {
            store.forget_gpus().await?;
        }
        let gpus = gpus.unwrap_or_default();
        let core = Core::new(store.clone(), artifacts.clone(), folder.clone(), jobs, gpus, (workers, traces));
        supervisor::take_over(&core).await?;
        core.tasks.spawn(listen(listener, core.clone()));
        core.tasks.spawn(scheduler::run(core.clone()));
        core.workers.keep_ready();
        let datasets = Arc::new(Datasets::new(store.clone(), artifacts.clone()));
        let importer =
            Arc::new(Importer::new(program, folder, data, store.clone(), artifacts, datasets.clone()));
        let shipped = Arc::new(Shipped::import(shipped.as_deref(), &store, &importer));
        let resolving = Arc::new(Semaphore::new(process::cores() as usize));
        let jobs = Self { core, datasets, importer, shipped, usage, resolving, waiting: Arc::default() };
        let core = &jobs.core;
        core.tasks.spawn(jobs.usage.clone().run(core.closing.clone()));
        core.tasks.spawn(retention::run(jobs.clone()));
        Ok(jobs)
    }

    /// Takes a place in the queue, if there is one. The places are counted anew now and then.
    async fn take_place(&self) -> Result<(), SubmitError> {
        let most = self.core.settings.queue;
        let mut waiting = self.waiting.lock().await;
        let now = clock::monotonic();
        let counted = match *waiting {
            Some((at, count)) if now - at < COUNT_AGE => (at, count),
            _ => {
                let counts = self.core.store.job_counts().await?;
                (now, counts.iter().filter(|(status, _)| status.waiting()).map(|(_, count)| count).sum())
            }
        };
        let full = counted.1 >= most;
        *waiting = Some((counted.0, counted.1 + u64::from(!full)));
        if full { Err(SubmitError::QueueFull(most)) } else { Ok(()) }
    }

    /// A place that was taken and not used.
    async fn give_place_back(&self) {
        if let Some((_, count)) = &mut *self.waiting.lock().await {
            *count = count.saturating_sub(1);
        }
    }

    /// What jobs may take together, and what of it is free.
    pub fn capacity(&self) -> (Capacity, Capacity) {
        (self.core.total.clone(), self.core.free())
    }

    /// Cancels a job; one that runs is told so at once.
    pub async fn cancel(&self, id: JobId) -> Result<Job, StoreError> {
        let job = self.core.store.cancel_job(id).await?;
        if job.status == JobStatus::Running
            && let Some(live) = self.core.live_of(id)
        {
            live.tell(Control::Stop);
        }
        self.core.wake.notify_one();
        Ok(job)
    }

    /// Pauses a job; one that runs is told to end behind a checkpoint.
    pub async fn pause(&self, id: JobId) -> Result<Job, StoreError> {
        let job = self.core.store.pause_job(id).await?;
        if job.desired == Some(Desired::Paused)
            && let Some(live) = self.core.live_of(id)
        {
            live.tell(Control::Pause);
        }
        self.core.wake.notify_one();
        Ok(job)
    }

    /// Queues a paused job again; a run that has not ended for its pause yet goes on.
    pub async fn resume(&self, id: JobId) -> Result<Job, StoreError> {
        let job = self.core.store.resume_job(id).await?;
        if job.status == JobStatus::Running
            && let Some(live) = self.core.live_of(id)
        {
            live.tell(Control::Continue);
        }
        self.core.wake.notify_one();
        Ok(job)
    }

    /// Says that the order of the queue may have changed.
    pub fn reconsider(&self) {
        self.core.wake.notify_one();
    }

    /// Where the log of a run stands, if it wrote any.
    pub fn run_log(&self, run: RunId) -> PathBuf {
        self.core.folder.run_log(run.0)
    }

    /// Whether no run is under way.
    pub fn nothing_runs(&self) -> bool {
        self.core.nothing_runs()
    }

    /// Whether there is at least one worker to be had.
    pub fn ready(&self) -> bool {
        self.core.workers.can_start()
    }

    /// How many runs were given up because they gave no sign of life; for the metrics.
    pub fn leases_lost(&self) -> &IntCounter {
        &self.core.leases_lost
    }

    /// How many bytes the data folder holds, as last measured, and how many it may; 0 for any number.
    pub fn usage(&self) -> (u64, u64) {
        self.usage.standing()
    }

    /// Whether the data folder may hold so many bytes more.
    pub fn check_budget(&self, more: u64) -> Result<(), OverBudget> {
        self.usage.check(more)
    }

    /// Where uploads stand until they are read.
    pub fn uploads(&self) -> PathBuf {
        self.core.folder.uploads()
    }

    /// What looks at an upload while it comes.
    pub fn arrival(&self, format: Format) -> Arrival {
        self.importer.arrival(format)
    }

    /// Removes the files of runs whose job was deleted.
    pub async fn forget_runs(&self, runs: &[RunId]) {
        for run in runs {
            let folder = self.core.folder.run(run.0);
            match tokio::fs::remove_dir_all(&folder).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    tracing::warn!(%error, %run, "a run's folder could not be removed");
                }
                _ => {}
            }
            if let Err(error) = self.core.artifacts.delete_prefix(&format!("runs/{run}")).await {
                tracing::warn!(%error, %run, "a run's files could not be removed");
            }
        }
        self.usage.measure();
    }

    /// An open data set, the latest version where none is named. One that ships and is still on its way is waited
    /// for.
    pub async fn dataset(&self, name: &str, version: Option<u32>) -> Result<Arc<Dataset>, DatasetError> {
        match self.datasets.open(name, version).await {
            Err(DatasetError::Unknown) => {
                self.shipped.wait_for(name).await;
                self.datasets.open(name, version).await
            }
            found => found,
        }
    }

    /// Waits for the data sets that ship and are still on their way.
    pub async fn wait_for_all_shipped(&self) {
        self.shipped.wait().await;
    }

    /// Waits for the data set of that name, where it ships and is still on its way.
    pub async fn wait_for_shipped(&self, name: &str) {
        self.shipped.wait_for(name).await;
    }

    /// Keeps an upload as a version of its name.
    pub async fn import_dataset(&self, upload: Upload) -> Result<Created<PutDataset>, ImportError> {
        self.shipped.wait_for(&upload.name).await;
        // On a task of its own, so that a client that hangs up does not leave half of it.
        let importer = self.importer.clone();
        let reading = tokio::spawn(async move { importer.import(upload).await });
        let read = reading.await.map_err(|error| ImportError::Io(std::io::Error::other(error)))?;
        self.usage.measure();
        read
    }

    /// Deletes a version that no unfinished job needs, and its files where nothing else stands on them.
    pub async fn delete_dataset(&self, name: &str, version: u32) -> Result<DeletedDataset, StoreError> {
        let deleted = self.importer.delete(name, version).await?;
        self.datasets.changed(name);
        self.usage.measure();
        Ok(deleted)
    }

    /// Takes no more from the queue, and leaves the runs to go on or has them end behind a checkpoint; returns
    /// within `patience`.
    pub async fn shutdown(&self, mode: OnShutdown, patience: Duration) {
        let core = &self.core;
        if mode == OnShutdown::Checkpoint {
            self.checkpoint_all(patience).await;
        }
        core.closing.cancel();
        core.workers.close();
        core.tasks.close();
        // What workers are saying now is still heard.
        if tokio::time::timeout(LAST_WORDS, core.tasks.wait()).await.is_err() {
            tracing::warn!("some reports were cut at the end");
        }
        if mode == OnShutdown::Checkpoint {
            // Whoever is still here did not react; the next server starts it again from its newest checkpoint.
            let ends = core.all_live().into_iter().map(|live| async move {
                let error = scheduler::ending(ErrorKind::Shutdown, "the server ended");
                supervisor::end(core, &live, error).await;
            });
            // Nor is a database waited for that takes nothing: the next server ends them then.
            if tokio::time::timeout(LAST_WORDS, join_all(ends)).await.is_err() {
                tracing::warn!("some runs' ends could not be stored");
            }
        }
    }

    async fn checkpoint_all(&self, patience: Duration) {
        self.core.holding.store(true, std::sync::atomic::Ordering::Relaxed);
        let runs = self.core.all_live();
        for live in &runs {
            live.leave();
        }
        let all = async {
            for live in &runs {
                live.ended.cancelled().await;
            }
        };
        if tokio::time::timeout(patience, all).await.is_err() {
            tracing::warn!("some runs did not end behind a checkpoint in time");
        }
    }
}

/// Removes what uploads left that a server did not see to their end.
fn clear_uploads(folder: &DataFolder) {
    let entries = std::fs::read_dir(folder.uploads()).into_iter().flatten();
    for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        if let Err(error) = removed {
            tracing::warn!(%error, path = %path.display(), "what an upload left could not be removed");
        }
    }
}

/// Hears the workers until the server ends.
async fn listen(listener: tokio::net::UnixListener, core: Arc<Core>) {
    let closing = core.closing.clone();
    let served = axum::serve(listener, runner::router(core));
    if let Err(error) = served.with_graceful_shutdown(closing.cancelled_owned()).await {
        tracing::error!(%error, "workers are not heard any more");
    }
}
