//! A whole server: its parts started in their order, and ended in theirs.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::access::Access;
use super::audit::Audit;
use super::listen::{ListenError, Listeners};
use super::state::Gate;
use super::tls::{Tls, TlsError};
use super::{AppState, serve};
use crate::artifacts::{ArtifactError, Artifacts};
use crate::config::{self, Config};
use crate::inference::Inference;
use crate::jobs::{DataFolder, FolderError, Jobs, Setup, StartError};
use crate::store::{Created, Scope, Store, StoreError};
use crate::telemetry::Traces;

/// How long the last traces may take.
const LAST_TRACES: Duration = Duration::from_secs(1);

/// Why a server does not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("the administrator's key cannot be had: {0}")]
    AdminKey(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error("the collector of traces cannot be told: {0}")]
    Traces(String),
    #[error("the audit log cannot be opened: {0}")]
    Audit(#[source] io::Error),
    #[error(transparent)]
    Folder(#[from] FolderError),
    #[error("the database cannot be opened: {0}")]
    Store(#[from] StoreError),
    #[error("the artifacts cannot be opened: {0}")]
    Artifacts(#[from] ArtifactError),
    #[error(transparent)]
    Jobs(#[from] StartError),
    #[error("the metrics cannot be registered: {0}")]
    Metrics(#[from] prometheus::Error),
    #[error("the server broke off: {0}")]
    Serving(#[source] io::Error),
}

/// A server that is ready to answer.
pub struct Server {
    pub state: AppState,
    /// The secret of the administrator's key, where it was made just now; nobody learns it again.
    pub admin_key: Option<String>,
    listeners: Listeners,
    folder: DataFolder,
    /// Sends traces until nobody tells of any more.
    telling: Option<JoinHandle<()>>,
}

impl Server {
    /// Takes the data folder, opens what is in it, takes over what an earlier server left, and binds the address.
    pub async fn start(
        config: Config,
        program: PathBuf,
        shipped: Option<PathBuf>,
    ) -> Result<Self, ServerError> {
        let tls = Tls::load(&config.server)?;
        let folder = DataFolder::open(&config.server.data_dir)?;
        let listeners = Listeners::bind(&config.server).await?;
        let store = Store::open(&folder.database()).await?;
        let access = Access::load(store.clone()).await?;
        let admin_key = admin_key(&access, &config.server).await?;
        let audit = Audit::open(&folder.audit(), config.access.audit_bytes).map_err(ServerError::Audit)?;
        let (traces, telling) = Traces::start(&config.traces).map_err(ServerError::Traces)?;
        let artifacts = Artifacts::open(&folder.artifacts())?;
        let inference = Inference::start(config.inference.clone(), store.clone(), artifacts.clone());
        let jobs = Jobs::start(Setup {
            folder: folder.clone(),
            jobs: config.jobs.clone(),
            data: config.data.clone(),
            program,
            shipped,
            store: store.clone(),
            artifacts: artifacts.clone(),
            traces: traces.clone(),
        })
        .await?;
        let state =
            AppState::new(config, store, artifacts, jobs, inference, Gate { tls, access, audit, traces })?;
        Ok(Self { state, admin_key, listeners, folder, telling })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listeners.address()
    }

    /// Answers requests until `shutdown`; then requests in flight finish, runs are left to go on or end behind a
    /// checkpoint, and the database is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self { state, listeners, folder, telling, .. } = self;
        let settings = state.config.server.clone();
        let patience = Duration::from_secs(settings.shutdown_seconds);
        let closing = state.closing.clone();
        let runs = async {
            closing.cancelled().await;
            state.jobs.shutdown(settings.on_shutdown, patience).await;
        };
        let (served, ()) = tokio::join!(serve(listeners, state.clone(), shutdown), runs);
        state.audit.close().await;
        state.store.close().await;
        if let Some(telling) = telling {
            // What waits is sent, unless the collector is slow or somebody still holds on to the server.
            drop(state);
            let _ = tokio::time::timeout(LAST_TRACES, telling).await;
        }
        drop(folder);
        served.map_err(ServerError::Serving)
    }
}

/// Sees to it that a server that others can reach has a key: the one from the file that the settings name, else a
/// fresh one, which is answered.
async fn admin_key(access: &Access, settings: &config::Server) -> Result<Option<String>, ServerError> {
    if let Some(path) = &settings.admin_key_file {
        let failed = |error: io::Error| ServerError::AdminKey(format!("{}: {error}", path.display()));
        let secret = tokio::fs::read_to_string(path).await.map_err(failed)?;
        access.adopt(secret.trim()).await.map_err(ServerError::AdminKey)?;
    }
    if settings.listen.ip().is_loopback() || access.is_closed() {
        return Ok(None);
    }
    match access.create("admin".into(), vec![Scope::Admin], None, None).await {
        Ok(Created::Now((_, secret))) => Ok(Some(secret)),
        Ok(Created::Before(_)) => Ok(None),
        Err(problem) => Err(ServerError::AdminKey(problem.detail)),
    }
}
