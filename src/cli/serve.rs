//! `lyceum serve`: the server.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use super::{Exit, say};
use crate::config::{Config, Source};
use crate::http::{Server, ServerError};
use crate::telemetry;

/// Run the server.
///
/// It answers on the address it listens on, trains what is posted there in processes of its own, and keeps
/// everything in the data folder. SIGTERM or Ctrl-C ends it; running jobs go on without it and are taken over by
/// the next server, unless --on-shutdown says otherwise.
#[derive(clap::Args)]
pub(super) struct Serve {
    #[command(flatten)]
    source: Source,
    #[command(flatten)]
    config: Config,
    /// End when this process, which started the server, ends.
    #[arg(long, hide = true, value_name = "PID")]
    with_parent: Option<i32>,
}

impl Serve {
    /// The file of settings, where there is one.
    pub(super) fn settings_file(&self) -> Option<PathBuf> {
        self.source.path()
    }

    pub(super) fn run(self) -> Result<(), Exit> {
        let failed = |why: &dyn std::fmt::Display| {
            say(why);
            Exit::Failed
        };
        telemetry::init(&self.config.log).map_err(|why| {
            say(why);
            Exit::Refused
        })?;
        if let Some(path) = self.settings_file() {
            tracing::info!(path = %path.display(), "settings are read from a file");
        }
        if let Some(parent) = self.with_parent {
            end_with(parent).map_err(|error| failed(&error))?;
        }
        let program = std::env::current_exe().map_err(|error| failed(&error))?;
        let shipped = self.config.server.shipped_datasets.clone().or_else(|| shipped(&program));
        let runtime = tokio::runtime::Runtime::new().map_err(|error| failed(&error))?;
        let served = runtime.block_on(serve(self.config, program, shipped));
        // What still blocks a thread, such as an evaluation whose client has gone, does not hold the end up.
        runtime.shutdown_background();
        served.map_err(|error| failed(&error))
    }
}

async fn serve(config: Config, program: PathBuf, shipped: Option<PathBuf>) -> Result<(), ServerError> {
    let data_dir = config.server.data_dir.clone();
    let scheme = if config.server.tls_cert.is_some() { "https" } else { "http" };
    // Before anybody can know that it is there, and end it.
    let mut terminate = signal(SignalKind::terminate()).map_err(ServerError::Serving)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServerError::Serving)?;
    let server = Server::start(config, program, shipped).await?;
    let address = server.address().map_err(ServerError::Serving)?;
    tracing::info!(%address, data_dir = %data_dir.display(), version = env!("CARGO_PKG_VERSION"), "Lyceum is ready");
    // For people and for whoever started this: the address, which a port of 0 leaves to the system.
    let mut out = std::io::stdout();
    let _ = writeln!(out, "{scheme}://{address}");
    if let Some(secret) = &server.admin_key {
        let _ = writeln!(out, "the administrator's key, shown this once: {secret}");
    }
    let told = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("the server ends");
    };
    server.run(told).await
}

/// Has this process told to end when its parent ends, however that ends.
fn end_with(parent: i32) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))?;
    // The parent may have ended before; then nobody tells.
    match rustix::process::getppid() {
        Some(now) if now.as_raw_nonzero().get() == parent => Ok(()),
        _ => Err(std::io::Error::other("the process that started this server has ended")),
    }
}

/// The data sets that ship stand beside the program's folder, and in the source tree it was built from.
pub(super) fn shipped(program: &Path) -> Option<PathBuf> {
    let beside = program.parent()?.parent()?.join("datasets");
    let built = Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets");
    [beside, built].into_iter().find(|folder| folder.is_dir())
}
