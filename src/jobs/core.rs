//! What all parts of the queue share: the runs that are under way, and what they leave free.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use prometheus::IntCounter;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::folder::DataFolder;
use super::workers::Workers;
use crate::artifacts::Artifacts;
use crate::clock;
use crate::config;
use crate::spec::report::Control;
use crate::store::{Capacity, JobId, Run, RunId, Store};
use crate::telemetry::{self, Span, TraceContext, Traces};

/// A run that is under way.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) job: JobId,
    pub(crate) run: RunId,
    pub(crate) attempt: u32,
    pub(crate) token_hash: [u8; 32],
    pub(crate) threads: u32,
    pub(crate) memory_mb: u64,
    /// The GPU that it holds.
    pub(crate) gpu: Option<u32>,
    /// Checkpoints that are kept.
    pub(crate) keep: usize,
    /// Running time that is left to it.
    pub(crate) time_left: Option<Duration>,
    /// The request that its job was posted by.
    trace: Option<TraceContext>,
    /// What it is told.
    pub(crate) control: watch::Sender<Control>,
    /// Cancelled when the run has ended, however it did.
    pub(crate) ended: CancellationToken,
    heard: Mutex<Instant>,
    /// The server ends, and the run is to end behind a checkpoint whatever the store says of its job.
    leaving: AtomicBool,
}

impl Live {
    /// Takes a sign of life.
    pub(crate) fn hear(&self) {
        self.hear_at(clock::monotonic());
    }

    /// As if it had been heard then.
    pub(crate) fn hear_at(&self, moment: Instant) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = moment;
    }

    pub(crate) fn heard(&self) -> Instant {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has the run end behind a checkpoint, because the server ends.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
        self.tell(Control::Pause);
    }

    /// Tells the run what to do. An order to stop is never taken back.
    pub(crate) fn tell(&self, control: Control) {
        let leaving = self.leaving.load(Ordering::Relaxed);
        let control = if leaving && control == Control::Continue { Control::Pause } else { control };
        self.control.send_if_modified(|told| {
            let changes = *told != control && *told != Control::Stop;
            if changes {
                *told = control;
            }
            changes
        });
    }
}

/// What is known of a run when it is taken up.
#[derive(Debug)]
pub(crate) struct LiveRun {
    pub(crate) job: JobId,
    pub(crate) run: RunId,
    pub(crate) attempt: u32,
    pub(crate) token_hash: [u8; 32],
    pub(crate) threads: u32,
    pub(crate) memory_mb: u64,
    pub(crate) device: String,
    pub(crate) keep: usize,
    pub(crate) time_left: Option<Duration>,
    pub(crate) trace: Option<TraceContext>,
}

impl From<LiveRun> for Live {
    fn from(run: LiveRun) -> Self {
        Self {
            job: run.job,
            run: run.run,
            attempt: run.attempt,
            token_hash: run.token_hash,
            threads: run.threads,
            memory_mb: run.memory_mb,
            gpu: run.device.strip_prefix("cuda:").and_then(|index| index.parse().ok()),
            keep: run.keep,
            time_left: run.time_left,
            trace: run.trace,
            control: watch::Sender::new(Control::Continue),
            ended: CancellationToken::new(),
            heard: Mutex::new(clock::monotonic()),
            leaving: AtomicBool::new(false),
        }
    }
}

/// A run as a trace shows it: below the request that posted its job.
fn span(run: &Run, posted: TraceContext) -> Span {
    let error = run.error.as_ref().map(|error| format!("{}: {}", error.kind.word(), error.detail));
    Span {
        name: "run".into(),
        context: posted.child(run.id.0),
        parent: Some(posted),
        answers: false,
        began: run.claimed_at,
        ended: run.finished_at.unwrap_or_else(clock::now_us),
        attributes: vec![
            ("lyceum.job", run.job.to_string()),
            ("lyceum.run", run.id.to_string()),
            ("lyceum.attempt", run.attempt.to_string()),
            ("lyceum.status", run.status.to_string()),
            ("lyceum.device", run.device.clone()),
        ],
        error,
    }
}

/// Shared by all parts of the queue.
pub(crate) struct Core {
    pub(crate) store: Store,
    pub(crate) artifacts: Artifacts,
    pub(crate) folder: DataFolder,
    pub(crate) settings: config::Jobs,
    /// What runs may take together.
    pub(crate) total: Capacity,
    pub(crate) workers: Arc<Workers>,
    /// Wakes the scheduler: there may be something to start.
    pub(crate) wake: Notify,
    /// Nothing is taken from the queue for now.
    pub(crate) holding: AtomicBool,
    /// The server ends.
    pub(crate) closing: CancellationToken,
    pub(crate) tasks: TaskTracker,
    /// Runs that were given up because they gave no sign of life.
    pub(crate) leases_lost: IntCounter,
    /// Where runs are told of.
    traces: Traces,
    live: Mutex<HashMap<RunId, Arc<Live>>>,
}

impl Core {
    pub(crate) fn new(
        store: Store,
        artifacts: Artifacts,
        folder: DataFolder,
        settings: config::Jobs,
        gpus: Vec<u32>,
        (workers, traces): (Arc<Workers>, Traces),
    ) -> Arc<Self> {
        let total = Capacity {
            threads: if settings.threads == 0 { super::process::cores() } else { settings.threads },
            memory_mb: if settings.memory_mb == 0 { super::process::memory_mb() } else { settings.memory_mb },
            gpus,
        };
        Arc::new(Self {
            store,
            artifacts,
            folder,
            settings,
            total,
            workers,
            wake: Notify::new(),
            holding: AtomicBool::new(false),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
            leases_lost: telemetry::plain_counter(
                "lyceum_run_leases_lost_total",
                "Runs given up because they gave no sign of life within their lease.",
            ),
            traces,
            live: Mutex::default(),
        })
    }

    fn runs(&self) -> MutexGuard<'_, HashMap<RunId, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn live(&self, run: RunId) -> Option<Arc<Live>> {
        self.runs().get(&run).cloned()
    }

    /// The run of a job. One that was replaced may still be there, until its process has gone.
    pub(crate) fn live_of(&self, job: JobId) -> Option<Arc<Live>> {
        self.runs().values().filter(|live| live.job == job).max_by_key(|live| live.attempt).cloned()
    }

    pub(crate) fn all_live(&self) -> Vec<Arc<Live>> {
        self.runs().values().cloned().collect()
    }

    /// Counts a run among those that are under way, with all that it takes.
    pub(crate) fn take_up(&self, run: LiveRun) -> Arc<Live> {
        let live = Arc::new(Live::from(run));
        self.runs().insert(live.run, live.clone());
        live
    }

    /// Frees what the run took. The first call for a run answers `true`.
    pub(crate) fn let_go(&self, live: &Live) -> bool {
        let first = self.runs().remove(&live.run).is_some();
        live.ended.cancel();
        self.wake.notify_one();
        if first
            && self.traces.is_on()
            && let Some(trace) = live.trace
        {
            let (store, traces, run) = (self.store.clone(), self.traces.clone(), live.run);
            self.tasks.spawn(async move {
                // What cannot be read is not told; the run's end is in the store, whoever asks for it.
                if let Ok(run) = store.run(run).await {
                    traces.tell(span(&run, trace));
                }
            });
        }
        first
    }

    pub(crate) fn nothing_runs(&self) -> bool {
        self.runs().is_empty()
    }

    /// What no run takes.
    pub(crate) fn free(&self) -> Capacity {
        let mut free = self.total.clone();
        for live in self.runs().values() {
            free.threads = free.threads.saturating_sub(live.threads);
            free.memory_mb = free.memory_mb.saturating_sub(live.memory_mb);
            free.gpus.retain(|gpu| Some(*gpu) != live.gpu);
        }
        free
    }
}
