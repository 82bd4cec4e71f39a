//! Where the server listens and where it keeps what it keeps.

use std::net::SocketAddr;
use std::path::PathBuf;

const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
pub(super) const DATA_DIR: &str = "lyceum-data";

/// Where the server listens and where it keeps what it keeps.
#[derive(Clone, Debug, clap::Args)]
pub struct Server {
    /// The address to listen on. A port of 0 takes a free one.
    #[arg(long, env = "LYCEUM_LISTEN", default_value_t = LISTEN, value_name = "ADDR:PORT")]
    pub listen: SocketAddr,
    /// A Unix socket to listen on besides, for the user alone who runs the server. It is made at the start and removed at
    /// the end; what is asked there goes without TLS.
    #[arg(long, env = "LYCEUM_SOCKET", hide_short_help = true, value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// The folder of the database, the artifacts and the runs; made where it is missing.
    #[arg(long, env = "LYCEUM_DATA_DIR", default_value = DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The folder of the data sets that are there on first start; by default `datasets` beside the program's folder.
    #[arg(long, env = "LYCEUM_SHIPPED_DATASETS", hide_short_help = true, value_name = "DIR")]
    pub shipped_datasets: Option<PathBuf>,
    /// A file with the administrator's key, 32 characters or more. Where it is absent, a server that listens on more
    /// than loopback and has no keys makes one at its first start and prints it once.
    #[arg(long, env = "LYCEUM_ADMIN_KEY_FILE", hide_short_help = true, value_name = "FILE")]
    pub admin_key_file: Option<PathBuf>,
    /// The file of the certificate that the server shows, in PEM, with those that signed it behind it. With it the
    /// server speaks TLS alone. The file is read anew when it changes.
    #[arg(long, env = "LYCEUM_TLS_CERT", hide_short_help = true, value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// The file of the certificate's private key, in PEM.
    #[arg(long, env = "LYCEUM_TLS_KEY", hide_short_help = true, value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// What happens to running jobs when the server is told to end.
    #[arg(long, env = "LYCEUM_ON_SHUTDOWN", default_value_t = OnShutdown::Keep, value_enum)]
    pub on_shutdown: OnShutdown,
    /// Seconds that requests in flight have to finish when the server is told to end.
    #[arg(
        long,
        env = "LYCEUM_SHUTDOWN_SECONDS",
        default_value_t = 6,
        hide_short_help = true,
        value_name = "N"
    )]
    pub shutdown_seconds: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: LISTEN,
            socket: None,
            data_dir: DATA_DIR.into(),
            shipped_datasets: None,
            admin_key_file: None,
            tls_cert: None,
            tls_key: None,
            on_shutdown: OnShutdown::Keep,
            shutdown_seconds: 6,
        }
    }
}

/// What becomes of running jobs when the server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OnShutdown {
    /// They go on, and the next server takes them over.
    Keep,
    /// They write a checkpoint and end, and the next server starts them again from it.
    Checkpoint,
}

impl std::fmt::Display for OnShutdown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Keep => "keep",
            Self::Checkpoint => "checkpoint",
        })
    }
}
