//! The queue with real processes: what becomes of jobs, of their workers, and of what these say.

pub(crate) mod protocol;
pub(crate) mod runs;
mod uploads;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lyceum::artifacts::Artifacts;
use lyceum::config;
use lyceum::jobs::{DataFolder, Jobs, Setup, Upload};
use lyceum::store::{Job, JobId, JobStatus, Store};
use lyceum::telemetry::Traces;
use tempfile::TempDir;

/// The part of a server that these tests need, in a folder of its own.
pub(crate) struct Queue {
    pub(crate) jobs: Jobs,
    pub(crate) store: Store,
    pub(crate) folder: DataFolder,
    dir: Option<TempDir>,
}

pub(crate) fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_lyceum").into()
}

/// Settings under which a silent worker is soon noticed.
fn settings() -> config::Jobs {
    config::Jobs {
        threads: 2,
        memory_mb: 8_192,
        idle_workers: 0,
        run_heartbeat_seconds: 1,
        grace_seconds: 1,
        ..config::Jobs::default()
    }
}

impl Queue {
    pub(crate) async fn start(program: &Path) -> Self {
        Self::start_with(program, settings()).await
    }

    /// One that kills no worker, however long it takes to do as it is told.
    async fn patient(program: &Path) -> Self {
        Self::start_with(program, config::Jobs { grace_seconds: 600, ..settings() }).await
    }

    async fn start_with(program: &Path, settings: config::Jobs) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&dir.path().join("data")).unwrap();
        let mut queue = Self::start_as(folder, program, settings).await;
        queue.dir = Some(dir);
        queue
    }

    pub(crate) async fn start_in(folder: DataFolder, program: &Path) -> Self {
        Self::start_as(folder, program, settings()).await
    }

    async fn start_as(folder: DataFolder, program: &Path, settings: config::Jobs) -> Self {
        let store = Store::open(&folder.database()).await.unwrap();
        let setup = Setup {
            folder: folder.clone(),
            jobs: settings,
            data: config::Data::default(),
            program: program.to_owned(),
            shipped: None,
            store: store.clone(),
            artifacts: Artifacts::open(&folder.artifacts()).unwrap(),
            traces: Traces::default(),
        };
        Self { jobs: Jobs::start(setup).await.unwrap(), store, folder, dir: None }
    }

    /// Ends this server and starts another on what it left.
    async fn restart(self, program: &Path) -> Self {
        self.jobs.shutdown(config::OnShutdown::Keep, Duration::from_secs(5)).await;
        self.store.close().await;
        let mut next = Self::start_in(self.folder, program).await;
        next.dir = self.dir;
        next
    }

    pub(crate) async fn until(&self, job: JobId, stands: impl Fn(&Job) -> bool) -> Job {
        let waited = async {
            loop {
                let job = self.store.job(job).await.unwrap();
                if stands(&job) {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let Ok(reached) = tokio::time::timeout(Duration::from_mins(1), waited).await else {
            panic!("{:#?}", self.store.job(job).await)
        };
        reached
    }

    /// Waits until the job has no more than so many checkpoints, and answers how many files there are.
    pub(crate) async fn until_checkpoints(&self, job: JobId, most: usize) -> usize {
        let files = Artifacts::open(&self.folder.artifacts()).unwrap();
        for _ in 0..100 {
            let stored = files.list("runs").await.unwrap();
            let known = self.store.checkpoints(job).await.unwrap();
            if known.len() <= most && stored.len() == known.len() {
                return stored.len();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("too many checkpoints are kept");
    }

    pub(crate) async fn until_status(&self, job: JobId, status: JobStatus) -> Job {
        self.until(job, |job| job.status == status).await
    }
}

pub(crate) fn upload(name: &str, source: PathBuf) -> Upload {
    let format = lyceum::data::Format::Csv;
    Upload {
        name: name.into(),
        format,
        hints: lyceum::data::Hints::default(),
        source,
        sha256: None,
        idempotency: None,
    }
}

pub(crate) fn iris() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/iris/iris.csv")
}

/// A program that stands for a worker: it leaves its token and its arguments, and does nothing.
fn idler(dir: &Path) -> PathBuf {
    let path = dir.join("idler");
    let script = format!(
        "#!/bin/sh\necho \"$$ $LYCEUM_WORKER_TOKEN $*\" >> {}\nexec sleep 60\n",
        dir.join("idlers").display()
    );
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}
