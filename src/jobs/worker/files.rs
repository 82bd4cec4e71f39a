//! Writes what a run makes, beside the training loop: to a temporary name, synced, renamed, then reported.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::runtime::Handle;
use uuid::Uuid;

use super::outbox::Outbox;
use super::reporter::Orders;
use crate::artifacts::{ArtifactError, Artifacts};
use crate::fault;
use crate::jobs::SCRATCH;
use crate::jobs::protocol::Assignment;
use crate::jobs::scheduler::kept_checkpoints;
use crate::jobs::token::hex;
use crate::spec::report::{Control, ErrorKind, LogLevel, Report, RunError};
use crate::train::checkpoint::Snapshot;
use crate::train::model::{DOCUMENT_FILE, WEIGHTS_FILE};
use crate::train::{ArtifactFile, ModelFiles};

/// How often a full disk is tried again.
const AGAIN: Duration = Duration::from_secs(2);

/// Something to write.
pub(super) enum Task {
    Checkpoint(Snapshot),
    Artifact(ArtifactFile),
    Model(ModelFiles),
}

/// The thread that writes.
pub(super) struct Files {
    handle: FilesHandle,
    thread: JoinHandle<Result<(), RunError>>,
}

/// Gives it something to write.
#[derive(Clone)]
pub(super) struct FilesHandle {
    tasks: Sender<Task>,
    waiting: Arc<AtomicUsize>,
}

impl FilesHandle {
    pub(super) fn give(&self, task: Task) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        // The thread takes tasks for as long as there are handles.
        let _ = self.tasks.send(task);
    }

    /// Whether there is something that is not written yet.
    pub(super) fn busy(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }
}

impl Files {
    pub(super) fn start(
        runtime: Handle,
        assignment: &Assignment,
        outbox: Arc<Outbox>,
        orders: Arc<Orders>,
    ) -> io::Result<Self> {
        let (tasks, taken) = mpsc::channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let writer = Writer {
            runtime,
            artifacts: Artifacts::open(&assignment.artifacts).map_err(io::Error::other)?,
            outbox,
            orders,
            waiting: waiting.clone(),
            job: assignment.job,
            run: assignment.run,
            attempt: assignment.attempt,
            scratch: assignment.folder.join(SCRATCH),
            keep: kept_checkpoints(&assignment.spec),
            most_artifacts: assignment.limits.artifacts,
            artifacts_made: 0,
            checkpoints: VecDeque::new(),
        };
        let thread = std::thread::Builder::new().name("files".into()).spawn(move || writer.run(&taken))?;
        Ok(Self { handle: FilesHandle { tasks, waiting }, thread })
    }

    pub(super) fn handle(&self) -> FilesHandle {
        self.handle.clone()
    }

    /// Waits until all is written. Every other handle is gone by now.
    pub(super) fn finish(self) -> Result<(), RunError> {
        drop(self.handle);
        let broken = || error("the thread that writes files broke off".into());
        self.thread.join().unwrap_or_else(|_| Err(broken()))
    }
}

fn error(detail: String) -> RunError {
    RunError { kind: ErrorKind::Internal, detail, hint: None }
}

struct Writer {
    runtime: Handle,
    artifacts: Artifacts,
    outbox: Arc<Outbox>,
    orders: Arc<Orders>,
    waiting: Arc<AtomicUsize>,
    job: Uuid,
    run: Uuid,
    attempt: u32,
    scratch: PathBuf,
    keep: usize,
    most_artifacts: u64,
    artifacts_made: u64,
    /// Steps and keys of this run's, oldest first.
    checkpoints: VecDeque<(u64, String)>,
}

impl Writer {
    fn run(mut self, tasks: &Receiver<Task>) -> Result<(), RunError> {
        let mut outcome = Ok(());
        for task in tasks {
            let done = self.write(&task);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match done {
                Ok(()) => {}
                Err(cause)
                    if matches!(&task, Task::Checkpoint(_)) && self.orders.control() == Control::Continue =>
                {
                    // The run can do without it.
                    let message = format!("a checkpoint could not be written: {cause}");
                    tracing::error!("{message}");
                    self.outbox.push(Report::Log { level: LogLevel::Error, message });
                }
                Err(cause) => {
                    outcome =
                        outcome.and(Err(error(format!("what the run made could not be kept: {cause}"))));
                }
            }
        }
        let _ = fs::remove_dir_all(&self.scratch);
        outcome
    }

    /// Writes, and waits for room where the disk is full.
    fn write(&mut self, task: &Task) -> Result<(), ArtifactError> {
        let mut told = false;
        loop {
            let done = match task {
                Task::Checkpoint(snapshot) => self.checkpoint(snapshot),
                Task::Artifact(artifact) => self.artifact(artifact),
                Task::Model(model) => self.model(model),
            };
            match done {
                Err(ArtifactError::Full) if self.orders.control() == Control::Continue => {
                    if !told {
                        told = true;
                        let message = "the disk is full; the run waits for room".to_owned();
                        tracing::warn!("{message}");
                        self.outbox.push(Report::Log { level: LogLevel::Warning, message });
                    }
                    std::thread::sleep(AGAIN);
                }
                done => return done,
            }
        }
    }

    fn checkpoint(&mut self, snapshot: &Snapshot) -> Result<(), ArtifactError> {
        let key = format!("runs/{}/{}/checkpoint-{}.lyc", self.run, self.attempt, snapshot.step);
        let file = self.fresh_scratch()?.join("checkpoint");
        let mut out = BufWriter::new(File::create(&file)?);
        let written = snapshot.write(&mut out)?;
        out.flush()?;
        self.put(&key, &file)?;
        self.outbox.push(Report::Checkpoint {
            step: snapshot.step,
            epoch: snapshot.epoch,
            key: key.clone(),
            sha256: written.sha256,
            bytes: written.bytes,
        });
        fault::point("worker.checkpoint.told");
        self.checkpoints.retain(|(_, other)| *other != key);
        self.checkpoints.push_back((snapshot.step, key));
        self.forget_surplus()?;
        Ok(())
    }

    /// The server keeps to the number of checkpoints that it has heard of. Those that it need not hear of go here:
    /// while training is faster than the reports, and while there is no server, so that the disk does not fill up. The
    /// last one that the server is known to know stays, since a retry would go on from it.
    fn forget_surplus(&mut self) -> Result<(), ArtifactError> {
        while self.checkpoints.get(1).is_some_and(|(step, _)| self.orders.knows(*step)) {
            self.checkpoints.pop_front();
        }
        let mut place = 1;
        while self.checkpoints.len() > self.keep + 1 && place < self.checkpoints.len() - 1 {
            let key = &self.checkpoints[place].1;
            if self.outbox.withdraw(key) || self.orders.is_alone() {
                self.runtime.block_on(self.artifacts.delete_prefix(key))?;
                self.checkpoints.remove(place);
            } else {
                place += 1;
            }
        }
        Ok(())
    }

    fn artifact(&mut self, artifact: &ArtifactFile) -> Result<(), ArtifactError> {
        if self.artifacts_made >= self.most_artifacts {
            return Err(ArtifactError::Io(io::Error::other("the run made more artifacts than a run may")));
        }
        let key = format!("runs/{}/{}/artifacts/{}", self.run, self.attempt, artifact.name);
        let file = self.fresh_scratch()?.join("artifact");
        fs::write(&file, &artifact.bytes)?;
        self.put(&key, &file)?;
        self.artifacts_made += 1;
        self.outbox.push(Report::Artifact {
            name: artifact.name.clone(),
            media_type: artifact.media_type.clone(),
            key,
            sha256: hex(&Sha256::digest(&artifact.bytes)),
            bytes: artifact.bytes.len() as u64,
        });
        Ok(())
    }

    fn model(&mut self, model: &ModelFiles) -> Result<(), ArtifactError> {
        let output = if model.output.is_empty() { "model" } else { &model.output };
        let key = format!("models/{}/{}/{output}", self.job, self.attempt);
        let folder = self.fresh_scratch()?.join("model");
        fs::create_dir(&folder)?;
        let mut out = BufWriter::new(File::create(folder.join(WEIGHTS_FILE))?);
        let written = model.write_weights(&mut out)?;
        out.flush()?;
        fs::write(folder.join(DOCUMENT_FILE), &model.document)?;
        self.put(&key, &folder)?;
        self.outbox.push(Report::Model {
            output: model.output.clone(),
            key,
            sha256: written.sha256,
            bytes: written.bytes,
            metrics: model.metrics.clone(),
        });
        fault::point("worker.model.told");
        Ok(())
    }

    /// An empty folder on the artifacts' disk, in the run's own, which is not made again where it is gone.
    fn fresh_scratch(&self) -> io::Result<&Path> {
        if self.scratch.exists() {
            fs::remove_dir_all(&self.scratch)?;
        }
        fs::create_dir(&self.scratch)?;
        Ok(&self.scratch)
    }

    /// Synced and renamed.
    fn put(&self, key: &str, from: &Path) -> Result<(), ArtifactError> {
        fault::point("worker.file.written");
        self.runtime.block_on(self.artifacts.put_file(key, from))?;
        fault::point("worker.file.renamed");
        Ok(())
    }
}
