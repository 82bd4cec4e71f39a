//! The data folder: who holds it, and where what stands in it.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{FlockOperation, Mode, OFlags};
use uuid::Uuid;

/// The longest path that a Unix socket takes as it stands, with room to spare (the kernel's limit is 108 bytes).
const LONGEST_SOCKET_PATH: usize = 100;

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

/// A path by which a socket can be bound or reached however long its own is. It holds as long as this stands.
#[derive(Debug)]
pub(crate) struct SocketPath {
    path: PathBuf,
    _folder: Option<OwnedFd>,
}

impl SocketPath {
    pub(crate) fn of(socket: &Path) -> std::io::Result<Self> {
        let (Some(folder), Some(name)) = (socket.parent(), socket.file_name()) else {
            return Err(std::io::ErrorKind::InvalidInput.into());
        };
        if socket.as_os_str().len() <= LONGEST_SOCKET_PATH {
            return Ok(Self { path: socket.to_owned(), _folder: None });
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty())?;
        let path = Path::new("/proc/self/fd").join(folder.as_fd().as_raw_fd().to_string()).join(name);
        Ok(Self { path, _folder: Some(folder) })
    }

    pub(crate) fn as_path(&self) -> &Path {
        &self.path
    }
}

/// Binds the socket, which only this user may open. One that an earlier server left is taken away; whoever
/// holds the data folder's lock is the only server.
pub(crate) fn bind(socket: &Path) -> std::io::Result<tokio::net::UnixListener> {
    match fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let short = SocketPath::of(socket)?;
    let listener = tokio::net::UnixListener::bind(short.as_path())?;
    fs::set_permissions(socket, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
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

    #[tokio::test]
    async fn a_socket_may_stand_deep() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let socket = deep.join(SOCKET);
        for _ in 0..2 {
            let _listener = bind(&socket).unwrap();
            let short = SocketPath::of(&socket).unwrap();
            tokio::net::UnixStream::connect(short.as_path()).await.unwrap();
        }
    }
}
