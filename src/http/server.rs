//! A whole server: its parts started in their order, and ended in theirs.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpListener;

use super::{AppState, refuse_address, serve};
use crate::artifacts::{ArtifactError, Artifacts};
use crate::config::Config;
use crate::inference::Inference;
use crate::jobs::{DataFolder, FolderError, Jobs, Setup, StartError};
use crate::store::{Store, StoreError};

/// Why a server does not start, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("{0}")]
    Address(String),
    #[error("cannot listen on {address}: {error}")]
    Listen { address: SocketAddr, error: io::Error },
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
    listener: TcpListener,
    folder: DataFolder,
}

impl Server {
    /// Takes the data folder, opens what is in it, takes over what an earlier server left, and binds the address.
    pub async fn start(
        config: Config,
        program: PathBuf,
        shipped: Option<PathBuf>,
    ) -> Result<Self, ServerError> {
        let address = config.server.listen;
        refuse_address(address).map_err(ServerError::Address)?;
        let folder = DataFolder::open(&config.server.data_dir)?;
        let listen = |error| ServerError::Listen { address, error };
        let listener = TcpListener::bind(address).await.map_err(listen)?;
        let store = Store::open(&folder.database()).await?;
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
        })
        .await?;
        let state = AppState::new(config, store, artifacts, jobs, inference)?;
        Ok(Self { state, listener, folder })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until `shutdown`; then requests in flight finish, runs are left to go on or end behind a
    /// checkpoint, and the database is closed.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), ServerError> {
        let Self { state, listener, folder } = self;
        let settings = state.config.server.clone();
        let patience = Duration::from_secs(settings.shutdown_seconds);
        let closing = state.closing.clone();
        let runs = async {
            closing.cancelled().await;
            state.jobs.shutdown(settings.on_shutdown, patience).await;
        };
        let (served, ()) = tokio::join!(serve(listener, state.clone(), shutdown), runs);
        state.store.close().await;
        drop(folder);
        served.map_err(ServerError::Serving)
    }
}
