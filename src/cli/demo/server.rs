//! The server of the demonstration: a process of its own, which does not outlive the one that started it.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use reqwest::Url;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use crate::cli::{Exit, say};
use crate::config;

/// A server ends by itself in less.
const PATIENCE: Duration = Duration::from_secs(20);
/// What trains ends this soon where the server is gone without having told it.
const ORPHAN_SECONDS: &str = "5";

pub(super) struct Server {
    child: Child,
    address: Url,
    /// Open as long as the server writes there.
    _output: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a server on a free port. It says itself why it does not start.
    pub(super) async fn start(program: &Path, settings: &config::Demo) -> Result<Self, Exit> {
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--on-shutdown", "checkpoint", "--log", "error"])
            .args(["--orphan-seconds", ORPHAN_SECONDS])
            .args(["--with-parent", &std::process::id().to_string()])
            .arg("--data-dir")
            .arg(&settings.data_dir)
            // What holds for other servers here does not for this one, which talks to its demonstration alone.
            .args(["--config", "/dev/null"])
            .env_remove("LYCEUM_TLS_CERT")
            .env_remove("LYCEUM_TLS_KEY");
        if let Some(folder) = &settings.shipped_datasets {
            command.arg("--shipped-datasets").arg(folder);
        }
        // In a group of its own, so that a terminal's Ctrl-C reaches the demonstration alone, which ends it in order.
        command.process_group(0).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let failed = |error: std::io::Error| {
            say(format_args!("the server cannot be started: {error}"));
            Exit::Failed
        };
        let mut child = command.spawn().map_err(failed)?;
        let Some(output) = child.stdout.take() else { return Err(Exit::Failed) };
        let mut output = BufReader::new(output);
        let mut line = String::new();
        output.read_line(&mut line).await.map_err(failed)?;
        if let Ok(address) = line.trim_end().parse() {
            return Ok(Self { child, address, _output: output });
        }
        child.wait().await.map_err(failed)?;
        Err(Exit::Failed)
    }

    pub(super) fn address(&self) -> &Url {
        &self.address
    }

    /// Ends the server and what trains in its name.
    pub(super) async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        // One that has ended already needs no telling.
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        if tokio::time::timeout(PATIENCE, self.child.wait()).await.is_err()
            && let Err(error) = self.child.kill().await
        {
            say(format_args!("the server cannot be stopped: {error}"));
        }
    }
}
