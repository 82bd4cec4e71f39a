//! What a worker process is given by the server that starts it.

use std::path::PathBuf;

use uuid::Uuid;

/// What a worker process is given by the server that starts it.
#[derive(Clone, Debug, clap::Args)]
pub struct Worker {
    /// The server's socket.
    #[arg(long)]
    pub socket: PathBuf,
    /// The worker's name.
    #[arg(long)]
    pub id: Uuid,
    /// The worker's token; in the environment, because anyone may read the arguments of a process.
    #[arg(long, env = "LYCEUM_WORKER_TOKEN", hide_env_values = true)]
    pub token: String,
    /// How far it gives way to other processes, as `nice` counts.
    #[arg(long, default_value_t = 0)]
    pub niceness: u32,
}

/// What a process is given that reads an upload.
#[derive(Clone, Debug, clap::Args)]
pub struct ImportWorker {
    /// What is to be read, and where to; the answer is written beside it.
    #[arg(long)]
    pub request: PathBuf,
}
