//! TLS: the certificate that the server shows, which is read anew when its files change, and the handshake.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use uuid::Uuid;

use super::attention::Attention;
use super::connection::Paced;
use super::problem::PROBLEM_JSON;
use super::{Kind, Problem};
use crate::config;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(1);

/// What every TLS connection begins with: a record of a handshake.
const HANDSHAKE: u8 = 0x16;

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("TLS needs both --tls-cert and --tls-key, and {0} is missing")]
    Half(&'static str),
    #[error("{}: {error}", .path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{} holds no certificate in PEM: {why}", .path.display())]
    Certificate { path: PathBuf, why: String },
    #[error("{} holds no private key in PEM: {why}", .path.display())]
    Key { path: PathBuf, why: String },
    #[error("the certificate in {} and the key in {} do not serve together: {error}", .cert.display(), .key.display())]
    Pair { cert: PathBuf, key: PathBuf, error: rustls::Error },
    #[error("TLS cannot be set up: {0}")]
    Setup(rustls::Error),
}

/// The server's side of TLS.
pub(crate) struct Tls {
    acceptor: TlsAcceptor,
    shown: Arc<Shown>,
    files: Files,
    /// Of the files before they were first read: what has changed since is not overlooked.
    begun: [Stamp; 2],
}

/// The certificate with its key that handshakes show.
#[derive(Debug)]
struct Shown(RwLock<Arc<CertifiedKey>>);

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Tls {
    /// As the settings say; nothing where they name no files.
    pub(crate) fn load(settings: &config::Server) -> Result<Option<Self>, TlsError> {
        let (cert, key) = match (&settings.tls_cert, &settings.tls_key) {
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(TlsError::Half("--tls-key")),
            (None, Some(_)) => return Err(TlsError::Half("--tls-cert")),
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
        };
        let provider = Arc::new(ring::default_provider());
        let files = Files { cert, key, provider: provider.clone() };
        let begun = files.stamp();
        let shown = Arc::new(Shown(RwLock::new(Arc::new(files.read()?))));
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Setup)?
            .with_no_client_auth()
            .with_cert_resolver(shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Some(Self { acceptor: TlsAcceptor::from(Arc::new(config)), shown, files, begun }))
    }

    /// Shows what the files hold from here on; where that is nothing to show, what was shown before.
    fn renew(&self) -> Result<(), TlsError> {
        let read = Arc::new(self.files.read()?);
        *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// Renews the certificate whenever a file changes. Never ends.
    pub(crate) async fn watch(&self) {
        let mut seen = self.begun;
        loop {
            tokio::time::sleep(LOOK).await;
            // Taken before the files are read: what changes meanwhile is seen the next time.
            let now = self.files.stamp();
            if now == seen {
                continue;
            }
            seen = now;
            match self.renew() {
                Ok(()) => tracing::info!(cert = %self.files.cert.display(), "the new certificate is shown"),
                Err(error) => tracing::warn!(%error, "the certificate shown before stays"),
            }
        }
    }

    /// The handshake. Who speaks HTTP without TLS hears so.
    pub(super) async fn accept(
        &self,
        stream: TcpStream,
        pace: Duration,
        attention: &Arc<Attention>,
    ) -> io::Result<TlsStream<Paced<TcpStream>>> {
        let mut first = [0];
        stream.peek(&mut first).await?;
        if first[0] != HANDSHAKE {
            answer_plainly(stream).await?;
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the client speaks no TLS"));
        }
        self.acceptor.accept(Paced::new(stream, pace, attention)).await
    }
}

/// The files of a certificate, with those that signed it, and of its key.
struct Files {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
}

/// By what it is seen that a file changed.
type Stamp = Option<(SystemTime, u64)>;

impl Files {
    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let (cert, key) = (self.cert.clone(), self.key.clone());
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes(&cert)?)
            .collect::<Result<_, _>>()
            .map_err(|error| TlsError::Certificate { path: cert.clone(), why: error.to_string() })?;
        if chain.is_empty() {
            return Err(TlsError::Certificate { path: cert, why: "there is none".into() });
        }
        let private = PrivateKeyDer::from_pem_slice(&bytes(&key)?)
            .map_err(|error| TlsError::Key { path: key.clone(), why: error.to_string() })?;
        CertifiedKey::from_der(chain, private, &self.provider).map_err(|error| TlsError::Pair {
            cert,
            key,
            error,
        })
    }

    fn stamp(&self) -> [Stamp; 2] {
        [stamp(&self.cert), stamp(&self.key)]
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|error| TlsError::Read { path: path.to_owned(), error })
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// Answers a request that came without TLS, whatever it was.
async fn answer_plainly(mut stream: TcpStream) -> io::Result<()> {
    // Read, or the end of the connection would overtake the answer.
    let mut asked = vec![0; 16 << 10];
    let _ = stream.read(&mut asked).await?;
    let id = Uuid::now_v7();
    let problem = Problem::new(Kind::BadRequest, "this port speaks TLS; ask it by https://");
    let body = serde_json::to_string(&problem.body(id, &id.to_string())).unwrap_or_default();
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\ncontent-type: {PROBLEM_JSON}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Makes a certificate with its key; the certificate.
    fn make(folder: &Path) -> CertificateDer<'static> {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
        std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
        made.cert.der().clone()
    }

    fn settings(folder: &Path) -> config::Server {
        let (tls_cert, tls_key) = (Some(folder.join("cert.pem")), Some(folder.join("key.pem")));
        config::Server { tls_cert, tls_key, ..config::Server::default() }
    }

    #[test]
    fn what_cannot_be_shown_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let first = make(path);
        let tls = Tls::load(&settings(path)).unwrap().unwrap();
        let shown = || tls.shown.0.read().unwrap().cert[0].clone();
        assert_eq!(shown(), first);

        let key = std::fs::read(path.join("key.pem")).unwrap();
        let second = make(path);
        std::fs::write(path.join("key.pem"), key).unwrap();
        assert!(matches!(tls.renew(), Err(TlsError::Pair { .. })), "of the first certificate");
        std::fs::write(path.join("key.pem"), "nothing").unwrap();
        assert!(matches!(tls.renew(), Err(TlsError::Key { .. })));
        std::fs::remove_file(path.join("cert.pem")).unwrap();
        assert!(matches!(tls.renew(), Err(TlsError::Read { .. })));
        std::fs::write(path.join("cert.pem"), "").unwrap();
        assert!(matches!(tls.renew(), Err(TlsError::Certificate { .. })));
        assert_eq!(shown(), first);

        let third = make(path);
        tls.renew().unwrap();
        assert!(shown() == third && third != second);
    }

    #[test]
    fn one_file_alone_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let both = settings(folder.path());
        let half = config::Server { tls_key: None, ..both.clone() };
        assert!(Tls::load(&half).err().unwrap().to_string().ends_with("--tls-key is missing"));
        let half = config::Server { tls_cert: None, ..both };
        assert!(Tls::load(&half).err().unwrap().to_string().ends_with("--tls-cert is missing"));
        assert!(Tls::load(&config::Server::default()).unwrap().is_none());
    }
}
