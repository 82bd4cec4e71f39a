//! How many GPUs workers can train on.

use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use tokio::process::Command;

use crate::train;

/// The name of the command that looks.
pub(crate) const COMMAND: &str = "count-gpus";

/// To open the libraries and to wake the driver takes seconds.
const PATIENCE: Duration = Duration::from_secs(20);

/// The indices of the GPUs that workers of this program can train on; `None` where that cannot be found out. A process of
/// its own looks, as a worker would: whoever opens CUDA's libraries holds their memory to its end, and a driver may be there
/// that is too old for them.
pub(crate) async fn find(program: &Path) -> Option<Vec<u32>> {
    if !train::may_find_gpus(program) {
        return Some(Vec::new());
    }
    let looked = Command::new(program)
        .arg(COMMAND)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output();
    let count = match tokio::time::timeout(PATIENCE, looked).await {
        Ok(Ok(output)) if output.status.success() => std::str::from_utf8(&output.stdout)
            .ok()
            .and_then(|count| count.trim().parse().ok())
            .ok_or_else(|| "it did not say how many there are".to_owned()),
        Ok(Ok(output)) => Err(output.status.to_string()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("it took longer than {} s", PATIENCE.as_secs())),
    };
    match count {
        Ok(count) => Some((0..count).collect()),
        Err(error) => {
            tracing::warn!(error, "jobs run on the CPU: the process that looks for GPUs failed");
            None
        }
    }
}

/// Says on standard output how many there are.
pub fn count(program: &Path) -> ExitCode {
    let count = match train::count_gpus(program) {
        Ok(count) => count,
        Err(error) => {
            tracing::error!(%error, "CUDA cannot be used");
            return ExitCode::FAILURE;
        }
    };
    match std::io::Write::write_fmt(&mut std::io::stdout(), format_args!("{count}\n")) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
