//! Uploads become data sets: a child process reads them, under limits, and the server takes over what it made.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, Semaphore};
use uuid::Uuid;

use super::catalog::Datasets;
use super::folder::DataFolder;
use super::process::{self, Ended, Process};
use crate::allocator::CHILDS_SETTING;
use crate::artifacts::{ArtifactError, Artifacts};
use crate::config;
use crate::data::{Arrival, Dataset, Digest, Format, Hints, ImportLimits, Refusal, content_digest, sha256};
use crate::fault;
use crate::spec::dataset::DatasetSchema;
use crate::store::{Created, DeletedDataset, Idempotency, NewDataset, PutDataset, Store, StoreError};

/// An upload that stands on disk.
pub struct Upload {
    pub name: String,
    pub format: Format,
    pub hints: Hints,
    /// The file; whoever uploaded it removes it.
    pub source: PathBuf,
    /// Of the file, where it is known already.
    pub sha256: Option<Digest>,
    pub idempotency: Option<Idempotency<PutDataset>>,
}

/// Why an upload became no data set.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{}", .0.detail)]
    Refused(Refusal),
    #[error("reading the upload took longer than {0} s")]
    TooLong(u64),
    #[error("reading the upload took more memory than it may")]
    TooMuch,
    #[error("the upload could not be read: the process {0}")]
    Broken(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error("the upload could not be stored: {0}")]
    Io(#[from] std::io::Error),
}

/// What the child is asked.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) format: Format,
    pub(crate) name: String,
    pub(crate) hints: Hints,
    pub(crate) source: PathBuf,
    pub(crate) limits: ImportLimits,
    pub(crate) out: PathBuf,
    pub(crate) memory_mb: u64,
    pub(crate) seconds: u64,
}

/// What the child answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answer {
    Read(DatasetSchema),
    Refused(Refusal),
    Full,
    Failed(String),
}

pub(crate) const REQUEST: &str = "request.json";
pub(crate) const ANSWER: &str = "answer.json";
/// How the child exits where the disk is too full for an answer.
pub(crate) const FULL_STATUS: u8 = 28;

/// Reads uploads.
pub(crate) struct Importer {
    program: PathBuf,
    folder: DataFolder,
    settings: config::Data,
    store: Store,
    artifacts: Artifacts,
    datasets: Arc<Datasets>,
    /// Children at once.
    room: Semaphore,
    /// Held while a folder is moved to where it stays.
    moving: Mutex<()>,
}

impl Importer {
    pub(crate) fn new(
        program: PathBuf,
        folder: DataFolder,
        settings: config::Data,
        store: Store,
        artifacts: Artifacts,
        datasets: Arc<Datasets>,
    ) -> Self {
        let room = Semaphore::new(2);
        Self { program, folder, settings, store, artifacts, datasets, room, moving: Mutex::new(()) }
    }

    pub(super) fn uploads(&self) -> PathBuf {
        self.folder.uploads()
    }

    pub(super) fn arrival(&self, format: Format) -> Arrival {
        Arrival::new(format, &limits(&self.settings))
    }

    /// Keeps the upload as a version of its name.
    pub(crate) async fn import(&self, upload: Upload) -> Result<Created<PutDataset>, ImportError> {
        let bytes = match &upload.sha256 {
            Some(known) => known.clone(),
            None => digest_of(&upload.source).await?,
        };
        let digest = content_digest(&bytes, upload.format, &upload.hints);
        {
            // Nobody deletes it meanwhile.
            let _alone = self.moving.lock().await;
            if let Some(stands) = self.store.dataset_by_digest(&upload.name, &digest.0).await?
                && Dataset::stands_in(&self.artifacts.local_path(&stands.key)?)
            {
                let again = new_dataset(stands.schema, digest, &upload.hints, stands.key);
                return Ok(self.store.put_dataset(again, upload.idempotency).await?);
            }
        }
        let scratch = Scratch::make(&self.folder.uploads())?;
        let schema = self.read(&upload, &scratch).await?;
        fault::point("server.import.read");
        let key = format!("datasets/{}", digest.0);
        {
            let _alone = self.moving.lock().await;
            // The same content under another name has its folder already, and somebody may be reading it.
            if !Dataset::stands_in(&self.artifacts.local_path(&key)?) {
                self.artifacts.put_file(&key, &scratch.out()).await?;
            }
            fault::point("server.import.moved");
            let new = new_dataset(schema, digest, &upload.hints, key);
            let put = self.store.put_dataset(new, upload.idempotency).await?;
            self.datasets.changed(&upload.name);
            Ok(put)
        }
    }

    /// The names of the data sets that shipped and were imported.
    pub(super) fn shipped_list(&self) -> PathBuf {
        self.folder.path().join("shipped")
    }

    /// Deletes a version, and its files where nothing else stands on them.
    pub(super) async fn delete(&self, name: &str, version: u32) -> Result<DeletedDataset, StoreError> {
        let _alone = self.moving.lock().await;
        let deleted = self.store.delete_dataset(name, version).await?;
        if deleted.unused
            && let Err(error) = self.artifacts.delete_prefix(&deleted.key).await
        {
            tracing::warn!(%error, key = deleted.key, "a data set's files could not be removed");
        }
        Ok(deleted)
    }

    async fn read(&self, upload: &Upload, scratch: &Scratch) -> Result<DatasetSchema, ImportError> {
        let _room = self.room.acquire().await.map_err(std::io::Error::other)?;
        let request = Request {
            format: upload.format,
            name: upload.name.clone(),
            hints: upload.hints.clone(),
            source: std::path::absolute(&upload.source)?,
            limits: limits(&self.settings),
            out: scratch.out(),
            memory_mb: self.settings.import_memory_mb,
            seconds: self.settings.import_seconds,
        };
        let path = scratch.0.join(REQUEST);
        std::fs::write(&path, serde_json::to_vec(&request).map_err(std::io::Error::other)?)?;
        let ended = self.run_child(&path, &scratch.0.join("log")).await?;
        let answer = std::fs::read(scratch.0.join(ANSWER)).ok();
        match answer.and_then(|answer| serde_json::from_slice(&answer).ok()) {
            Some(Answer::Read(schema)) => Ok(schema),
            Some(Answer::Refused(refusal)) => Err(ImportError::Refused(refusal)),
            Some(Answer::Full) => Err(ArtifactError::Full.into()),
            Some(Answer::Failed(detail)) => Err(ImportError::Broken(format!("failed: {detail}"))),
            None if ended == Ended::Exited(FULL_STATUS.into()) => Err(ArtifactError::Full.into()),
            None => {
                let log = std::fs::read_to_string(scratch.0.join("log")).unwrap_or_default();
                if log.contains("memory allocation of") {
                    return Err(ImportError::TooMuch);
                }
                let said: String = log.chars().take(2_000).collect();
                tracing::error!(%ended, log = said, "the reading of an upload broke off");
                Err(ImportError::Broken(ended.to_string()))
            }
        }
    }

    async fn run_child(&self, request: &Path, log: &Path) -> Result<Ended, ImportError> {
        let log = process::append(log)?;
        let mut child = Command::new(&self.program)
            .arg("import-worker")
            .arg("--request")
            .arg(request)
            .env(CHILDS_SETTING.0, CHILDS_SETTING.1)
            // The child ends when this pipe does, so that it never outlives whoever waits for it.
            .stdin(Stdio::piped())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let process = Process::child(&child)?;
        let guard = KillOnDrop(&process);
        let patience = Duration::from_secs(self.settings.import_seconds);
        let in_time = tokio::time::timeout(patience, process.ended()).await;
        drop(guard);
        process.ended().await;
        let ended = process::reap(&mut child);
        in_time.map(|()| ended).map_err(|_| ImportError::TooLong(self.settings.import_seconds))
    }
}

/// Ends the child also where the one who waits for it is gone.
struct KillOnDrop<'a>(&'a Process);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.kill();
    }
}

fn new_dataset(schema: DatasetSchema, digest: Digest, hints: &Hints, key: String) -> NewDataset {
    NewDataset { schema, digest: digest.0, hints: hints.document(), key }
}

fn limits(settings: &config::Data) -> ImportLimits {
    ImportLimits {
        members: settings.archive_members,
        expansion: settings.expansion,
        unpacked_bytes: settings.unpacked_bytes,
        canonical_bytes: settings.unpacked_bytes,
        columns: settings.columns as u64,
        record_bytes: settings.line_bytes as u64,
        ..ImportLimits::default()
    }
}

async fn digest_of(source: &Path) -> std::io::Result<Digest> {
    let source = source.to_owned();
    let read = move || sha256(&mut std::fs::File::open(source)?);
    tokio::task::spawn_blocking(read).await.map_err(std::io::Error::other)?
}

/// A folder that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn make(uploads: &Path) -> std::io::Result<Self> {
        let scratch = Self(uploads.join(format!("import-{}", Uuid::now_v7())));
        std::fs::create_dir_all(scratch.out())?;
        Ok(scratch)
    }

    fn out(&self) -> PathBuf {
        self.0.join("out")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "a folder could not be removed");
        }
    }
}
