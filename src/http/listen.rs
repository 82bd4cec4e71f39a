//! Where callers come in: a TCP port and, where one is wanted, a Unix socket beside it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use crate::config;
use crate::jobs::socket::{self, SocketPath};

/// Why nobody can come in.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("cannot listen on {address}: {error}")]
    Port { address: SocketAddr, error: io::Error },
    #[error("cannot listen on {}: {error}", .path.display())]
    Socket { path: PathBuf, error: io::Error },
}

/// The doors of the server.
pub(super) struct Listeners {
    tcp: TcpListener,
    socket: Option<Socket>,
}

/// A caller.
pub(super) enum Arrival {
    Tcp(TcpStream, SocketAddr),
    Unix(UnixStream),
}

impl Listeners {
    pub(super) async fn bind(settings: &config::Server) -> Result<Self, ListenError> {
        let address = settings.listen;
        let tcp = TcpListener::bind(address).await.map_err(|error| ListenError::Port { address, error })?;
        let failed = |path: &Path, error| ListenError::Socket { path: path.to_owned(), error };
        let socket = settings.socket.as_deref();
        let socket =
            socket.map(|path| Socket::bind(path).map_err(|error| failed(path, error))).transpose()?;
        Ok(Self { tcp, socket })
    }

    /// The port that is listened on.
    pub(super) fn address(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next caller at either door.
    pub(super) async fn accept(&self) -> io::Result<Arrival> {
        let tcp = async { self.tcp.accept().await.map(|(stream, address)| Arrival::Tcp(stream, address)) };
        let Some(socket) = &self.socket else { return tcp.await };
        tokio::select! {
            arrived = tcp => arrived,
            arrived = socket.listener.accept() => arrived.map(|(stream, _)| Arrival::Unix(stream)),
        }
    }
}

/// A socket in the file system, which this user alone may open; it goes when the server does.
struct Socket {
    listener: UnixListener,
    path: PathBuf,
}

impl Socket {
    /// One that a server left which is no more is taken away; anything else that is there stays.
    fn bind(path: &Path) -> io::Result<Self> {
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(found) if !found.file_type().is_socket() => {
                return Err(io::Error::new(
                    io::ErrorKind::AlreadyExists,
                    "a file that is no socket is there",
                ));
            }
            Ok(_) => {
                let short = SocketPath::of(path)?;
                if std::os::unix::net::UnixStream::connect(short.as_path()).is_ok() {
                    return Err(io::Error::new(io::ErrorKind::AddrInUse, "another program listens there"));
                }
            }
        }
        Ok(Self { listener: socket::bind(path)?, path: path.to_owned() })
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the socket could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[tokio::test]
    async fn what_is_no_dead_socket_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let kind = |path: &Path| Socket::bind(path).map(drop).unwrap_err().kind();
        fs::write(&path, "text").unwrap();
        assert_eq!(kind(&path), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"text");
        fs::remove_file(&path).unwrap();

        let held = Socket::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(kind(&path), io::ErrorKind::AddrInUse);
        drop(held);
        assert!(!path.exists());

        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "as after a server that was killed");
        drop(Socket::bind(&path).unwrap());
        assert_eq!(kind(&folder.path().join("nowhere").join("socket")), io::ErrorKind::NotFound);

        let long = folder.path().join("x".repeat(120));
        fs::create_dir(&long).unwrap();
        Socket::bind(&long.join("socket")).unwrap();
    }
}
