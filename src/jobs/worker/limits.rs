//! What a child process may take, and where its words go.

use std::fs;
use std::path::Path;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::jobs::process;

/// Standard output and error go to this file from now on.
pub(super) fn log_to(path: &Path) -> std::io::Result<()> {
    let log = process::append(path)?;
    rustix::stdio::dup2_stdout(&log)?;
    rustix::stdio::dup2_stderr(&log)?;
    Ok(())
}

/// Standard output and error go nowhere any more, once the file has as many bytes as it may.
pub(super) fn cap_log(path: &Path, most: u64) -> bool {
    if fs::metadata(path).map_or(0, |log| log.len()) < most {
        return false;
    }
    tracing::warn!("the log is full; nothing more is written to it");
    let Ok(nowhere) = process::append(Path::new("/dev/null")) else { return false };
    rustix::stdio::dup2_stdout(&nowhere).is_ok() && rustix::stdio::dup2_stderr(&nowhere).is_ok()
}

/// Bounds the memory that this process may take beyond what it holds now; what asks for more gets an error.
pub(super) fn memory(mebibytes: u64) {
    set(Resource::Data, Some(held().saturating_add(mebibytes << 20)));
}

/// Room for the stacks of so many threads, of which a run uses next to nothing, and the kernel counts all.
pub(super) fn stacks_mb(threads: u32) -> u64 {
    const LARGEST: u64 = 64 << 20;
    let stack = getrlimit(Resource::Stack).current.unwrap_or(LARGEST).min(LARGEST);
    u64::from(threads) * stack.div_ceil(1 << 20)
}

pub(super) fn no_memory_limit() {
    set(Resource::Data, getrlimit(Resource::Data).maximum);
}

/// Bounds the bytes of a file.
pub(super) fn file_bytes(bytes: u64) {
    set(Resource::Fsize, Some(bytes));
}

/// Bounds the time that this process computes.
pub(super) fn cpu_seconds(seconds: u64) {
    set(Resource::Cpu, Some(seconds));
}

fn set(resource: Resource, current: Option<u64>) {
    let maximum = getrlimit(resource).maximum;
    let current = match (current, maximum) {
        (Some(wanted), Some(most)) => Some(wanted.min(most)),
        (wanted, most) => wanted.or(most),
    };
    if let Err(error) = setrlimit(resource, Rlimit { current, maximum }) {
        tracing::warn!(%error, ?resource, "a limit cannot be set");
    }
}

/// Private writable memory, as the kernel counts it against the limit.
fn held() -> u64 {
    status("VmData:").unwrap_or(256 << 20)
}

/// Begins to look for the greatest use of memory; answers the use at the moment.
pub(super) fn begin_peak() -> u64 {
    if let Err(error) = fs::write("/proc/self/clear_refs", "5") {
        tracing::debug!(%error, "the greatest use of memory is that of all runs of this process");
    }
    status("VmRSS:").unwrap_or(0)
}

/// The greatest use of memory since then.
pub(super) fn peak() -> u64 {
    status("VmHWM:").unwrap_or(0)
}

/// Bytes that the kernel says of this process.
fn status(field: &str) -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().trim_end_matches(" kB").parse::<u64>().ok().map(|kib| kib << 10)
}
