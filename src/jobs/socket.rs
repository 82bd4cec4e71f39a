//! Unix sockets, whatever the length of their path.

use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

/// The longest path that a Unix socket takes as it stands, with room to spare (the kernel's limit is 108 bytes).
const LONGEST_PATH: usize = 100;

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
        if socket.as_os_str().len() <= LONGEST_PATH {
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

/// Binds the socket, which only this user may open. One that an earlier server left is taken away: that no other listens
/// there is for the caller to know.
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

    #[tokio::test]
    async fn a_socket_may_stand_deep() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(120));
        fs::create_dir(&deep).unwrap();
        let socket = deep.join("runner.sock");
        for _ in 0..2 {
            let _listener = bind(&socket).unwrap();
            let short = SocketPath::of(&socket).unwrap();
            tokio::net::UnixStream::connect(short.as_path()).await.unwrap();
        }
    }
}
