//! The data folder: who holds it, and where what stands in it.

use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::FlockOperation;
use uuid::Uuid;

const SOCKET: &str = "runner.sock";

/// Why a data folder cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    #[error("{} is in use by another server", .0.display())]
    InUse(PathBuf),
    #[error("cannot use {} as the data folder: {error}", .path.display())]
    Io { path: PathBuf, error: std::io::Error },
}

/// A data folder, held by this process alone until the last clone is dropped.
#[derive(Clone, Debug)]
pub struct DataFolder {
    path: Arc<PathBuf>,
    _lock: Arc<File>,
}

impl DataFolder {
    /// Makes the folder where it is missing and takes it.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |error| FolderError::Io { path: path.to_owned(), error };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let path = path.canonicalize().map_err(failed)?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed)?;
        match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(FolderError::InUse(path)),
            Err(error) => return Err(failed(error.into())),
        }
        for folder in ["artifacts", "uploads", "runs"] {
            fs::create_dir_all(path.join(folder)).map_err(failed)?;
        }
        Ok(Self { path: Arc::new(path), _lock: Arc::new(lock) })
    }

    /// Whether it is where it was: it may have been moved away, or its disk taken out.
    pub(crate) fn stands(&self) -> bool {
        self.path.join("runs").is_dir()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("lyceum.db")
    }

    pub fn artifacts(&self) -> PathBuf {
        self.path.join("artifacts")
    }

    /// Who changed what.
    pub fn audit(&self) -> PathBuf {
        self.path.join("audit.log")
    }

    /// Where uploads stand until they are read.
    pub fn uploads(&self) -> PathBuf {
        self.path.join("uploads")
    }

    /// A run's folder: its log and what it could not report yet.
    pub fn run(&self, run: Uuid) -> PathBuf {
        self.path.join("runs").join(run.to_string())
    }

    /// What a run's process wrote to its standard output and error.
    pub fn run_log(&self, run: Uuid) -> PathBuf {
        self.run(run).join("log")
    }

    /// What workers wrote before they had a run.
    pub(crate) fn workers_log(&self) -> PathBuf {
        self.path.join("runs").join("workers.log")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_held_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let held = DataFolder::open(&dir.path().join("data")).unwrap();
        assert!(matches!(DataFolder::open(held.path()), Err(FolderError::InUse(_))));
        let path = held.path().to_owned();
        drop(held);
        DataFolder::open(&path).unwrap();
    }
}
