//! Worker processes: started, kept ready, given runs, seen to end.

use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot, watch};
use uuid::Uuid;

use super::folder::DataFolder;
use super::process::{self, Ended, Process};
use super::protocol::Assignment;
use super::token;
use crate::allocator::CHILDS_SETTING;
use crate::config;

/// How long a worker that is more than need be kept ready waits for a run before it is let go.
const LINGER: Duration = Duration::from_secs(10);

/// How long after the last change a worker is started for work that may come: starting one takes a core for a
/// third of a second, which belongs to the run that just began.
const CALM: Duration = Duration::from_millis(700);

/// Workers that end before they ask for a run, one behind the other, after which none can be had.
const FALSE_STARTS: u32 = 3;

/// What workers say before they have a run is kept up to so many bytes, and as many that are older.
const LOG_BYTES: u64 = 1 << 20;

/// A worker process, ours or one that an earlier server started.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) id: Uuid,
    token_hash: Option<[u8; 32]>,
    pub(crate) process: Process,
    exit: watch::Sender<Option<Ended>>,
}

impl Worker {
    /// Takes over a worker that an earlier server left.
    pub(crate) fn adopt(process: Process) -> Arc<Self> {
        let worker =
            Arc::new(Self { id: Uuid::nil(), token_hash: None, process, exit: watch::Sender::new(None) });
        let watched = worker.clone();
        tokio::spawn(async move {
            watched.process.ended().await;
            watched.exit.send_replace(Some(Ended::Unknown));
        });
        worker
    }

    /// Waits until the process has ended.
    pub(crate) async fn ended(&self) -> Ended {
        let mut exit = self.exit.subscribe();
        exit.wait_for(Option::is_some).await.map_or(Ended::Unknown, |ended| ended.unwrap_or(Ended::Unknown))
    }
}

/// A run that was given to a worker.
pub(crate) type Handed = (Assignment, oneshot::Sender<Arc<Worker>>);

#[derive(Default)]
struct State {
    all: HashMap<Uuid, Arc<Worker>>,
    /// Started, and not heard of yet.
    starting: Vec<Uuid>,
    /// Ready: each waits for a run.
    idle: Vec<(Uuid, oneshot::Sender<Assignment>)>,
    /// Runs that wait for a worker.
    wanting: VecDeque<Handed>,
    false_starts: u32,
    closed: bool,
}

/// All workers of this server.
pub(crate) struct Workers {
    program: PathBuf,
    niceness: u32,
    folder: DataFolder,
    /// How many are kept ready.
    ready: usize,
    state: Mutex<State>,
    /// A worker can be had again, after none could.
    pub(crate) back: Notify,
}

impl Workers {
    pub(crate) fn new(program: PathBuf, folder: DataFolder, settings: &config::Jobs) -> Arc<Self> {
        let (ready, niceness) = (settings.idle_workers, settings.run_niceness);
        Arc::new(Self { program, niceness, folder, ready, state: Mutex::default(), back: Notify::new() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a run to the next worker that is free, and answers which one that is. Nothing is answered where no
    /// worker can be had.
    pub(crate) fn hand(self: &Arc<Self>, assignment: Assignment) -> oneshot::Receiver<Arc<Worker>> {
        let (given, taken) = oneshot::channel();
        self.state().wanting.push_back((assignment, given));
        self.settle();
        taken
    }

    /// The worker that this token belongs to.
    pub(crate) fn known(&self, id: Uuid, token: &str) -> Option<Arc<Worker>> {
        let worker = self.state().all.get(&id)?.clone();
        worker.token_hash.is_some_and(|hash| token::equal(&hash, &token::hash(token))).then_some(worker)
    }

    /// Waits for a run for this worker. `None` ends it.
    pub(crate) async fn next(self: &Arc<Self>, worker: &Worker) -> Option<Assignment> {
        let (give, mut given) = oneshot::channel();
        {
            let mut state = self.state();
            state.starting.retain(|starting| *starting != worker.id);
            if state.false_starts >= FALSE_STARTS {
                self.back.notify_one();
            }
            state.false_starts = 0;
            if state.closed {
                return None;
            }
            state.idle.retain(|(idle, give)| *idle != worker.id && !give.is_closed());
            state.idle.push((worker.id, give));
        }
        self.settle();
        loop {
            if let Ok(assignment) = tokio::time::timeout(LINGER, &mut given).await {
                return assignment.ok();
            }
            let mut state = self.state();
            if state.idle.len() > self.ready && state.idle.iter().any(|(idle, _)| *idle == worker.id) {
                state.idle.retain(|(idle, _)| *idle != worker.id);
                return None;
            }
        }
    }

    /// Brings runs and workers together, and starts as many workers as are wanting.
    fn settle(self: &Arc<Self>) {
        let mut state = self.state();
        while let Some((assignment, given)) = state.wanting.pop_front() {
            let Some((id, give)) = state.idle.pop() else {
                state.wanting.push_front((assignment, given));
                break;
            };
            let worker = state.all.get(&id).cloned();
            match (worker, give.send(assignment)) {
                (Some(worker), Ok(())) => drop(given.send(worker)),
                (None, Ok(())) => {}
                // The worker went while it waited.
                (_, Err(assignment)) => state.wanting.push_front((assignment, given)),
            }
        }
        let missing = state.wanting.len().saturating_sub(state.starting.len());
        if missing > 0 && state.false_starts >= FALSE_STARTS {
            // Whoever waits for an answer sees that there is none.
            state.wanting.clear();
            return;
        }
        for _ in 0..missing {
            self.start(&mut state);
        }
    }

    /// Sees to it that after a while of calm there is a worker ready.
    pub(crate) fn keep_ready(self: &Arc<Self>) {
        let workers = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(CALM).await;
            let mut state = workers.state();
            state.idle.retain(|(_, give)| !give.is_closed());
            let there = state.idle.len() + state.starting.len();
            if state.wanting.is_empty() && there < workers.ready && state.false_starts < FALSE_STARTS {
                workers.start(&mut state);
            }
        });
    }

    fn start(self: &Arc<Self>, state: &mut State) {
        if state.closed {
            return;
        }
        match self.spawn() {
            Ok((worker, child)) => {
                state.starting.push(worker.id);
                state.all.insert(worker.id, worker.clone());
                tokio::spawn(self.clone().watch(worker, child));
            }
            Err(error) => {
                tracing::error!(%error, program = %self.program.display(), "a worker cannot be started");
                state.false_starts = FALSE_STARTS;
                state.wanting.clear();
            }
        }
    }

    fn spawn(&self) -> std::io::Result<(Arc<Worker>, std::process::Child)> {
        let (token, hash) = token::fresh()?;
        let id = Uuid::now_v7();
        let log = process::append_log(&self.folder.workers_log(), LOG_BYTES)?;
        // Never pipes: a worker must not die with the server that reads them.
        let child = Command::new(&self.program)
            .arg("run-worker")
            .arg("--socket")
            .arg(self.folder.socket())
            .arg("--id")
            .arg(id.to_string())
            .arg("--niceness")
            .arg(self.niceness.to_string())
            .env("LYCEUM_WORKER_TOKEN", token)
            .env("OMP_NUM_THREADS", "1")
            .env("MKL_NUM_THREADS", "1")
            // Threads of one operation wait some tens of microseconds for the next before they sleep: to be woken costs a
            // small network half its step. What waits longer leaves its core to others.
            .env("GOMP_SPINCOUNT", "10000")
            // What a step frees is kept for the next one instead of being given back to the kernel.
            .env("MALLOC_TRIM_THRESHOLD_", "1073741824")
            .env("MALLOC_MMAP_THRESHOLD_", "33554432")
            .env(CHILDS_SETTING.0, CHILDS_SETTING.1)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let process = Process::child(&child)?;
        let worker = Worker { id, token_hash: Some(hash), process, exit: watch::Sender::new(None) };
        Ok((Arc::new(worker), child))
    }

    async fn watch(self: Arc<Self>, worker: Arc<Worker>, mut child: std::process::Child) {
        worker.process.ended().await;
        let ended = process::reap(&mut child);
        {
            let mut state = self.state();
            state.all.remove(&worker.id);
            state.idle.retain(|(idle, _)| *idle != worker.id);
            if state.starting.contains(&worker.id) {
                state.starting.retain(|starting| *starting != worker.id);
                state.false_starts += 1;
                if !state.closed {
                    tracing::error!(%ended, log = %self.folder.workers_log().display(), "a worker ended before it had a run");
                }
            }
        }
        worker.exit.send_replace(Some(ended));
        self.settle();
        self.keep_ready();
    }

    /// Whether a run that is handed over would find a worker, as far as is known.
    pub(crate) fn can_be_had(&self) -> bool {
        let state = self.state();
        state.false_starts < FALSE_STARTS || state.idle.iter().any(|(_, give)| !give.is_closed())
    }

    /// Starts a worker to see whether one can be had by now. It says so by asking for a run.
    pub(crate) fn try_again(self: &Arc<Self>) {
        let mut state = self.state();
        if state.starting.is_empty() {
            self.start(&mut state);
        }
    }

    /// Whether a worker can be had or is there, as far as is known.
    pub(crate) fn can_start(&self) -> bool {
        let state = self.state();
        !state.closed && (state.false_starts < FALSE_STARTS || state.all.len() > state.starting.len())
    }

    /// Lets the idle ones go and starts none any more.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.idle.clear();
        state.wanting.clear();
    }
}
