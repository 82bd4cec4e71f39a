//! The child that reads an upload. What it is fed is hostile; all that leaves it is a folder and one line of JSON.

use std::fs;
use std::io::{ErrorKind, Read};
use std::path::Path;
use std::process::ExitCode;

use rustix::process::{Signal, getpid, kill_process};

use super::limits;
use crate::config;
use crate::data::{self, ImportError, ImportRequest};
use crate::jobs::import::{ANSWER, Answer, FULL_STATUS, Request};
use crate::jobs::process;

/// Reads one upload into its canonical form and writes the answer beside the request.
pub fn main(settings: &config::ImportWorker) -> ExitCode {
    process::stand_alone();
    end_with_parent();
    match answer(&settings.request) {
        Ok(()) => ExitCode::SUCCESS,
        // Not even the answer found room.
        Err(error) if is_full(&error) => ExitCode::from(FULL_STATUS),
        Err(error) => {
            tracing::error!(%error, "the answer cannot be given");
            ExitCode::FAILURE
        }
    }
}

fn is_full(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
}

/// Whoever waits for the answer holds the other end of the standard input.
fn end_with_parent() {
    std::thread::spawn(|| {
        let mut nothing = [0; 1];
        while matches!(std::io::stdin().read(&mut nothing), Ok(read) if read > 0) {}
        let _ = kill_process(getpid(), Signal::KILL);
    });
}

fn answer(path: &Path) -> std::io::Result<()> {
    let request: Request = serde_json::from_slice(&fs::read(path)?)?;
    limits::memory(request.memory_mb);
    limits::cpu_seconds(request.seconds);
    limits::file_bytes(request.limits.canonical_bytes.saturating_add(1 << 20));
    let imported = data::import(&ImportRequest {
        format: request.format,
        name: &request.name,
        source: &request.source,
        hints: &request.hints,
        limits: &request.limits,
        out_dir: &request.out,
    });
    let answer = match imported {
        Ok(schema) => Answer::Read(schema),
        Err(ImportError::Refused(refusal)) => Answer::Refused(refusal),
        Err(ImportError::Disk(error)) if is_full(&error) => Answer::Full,
        Err(ImportError::Disk(error)) => Answer::Failed(error.to_string()),
    };
    fs::write(path.with_file_name(ANSWER), serde_json::to_vec(&answer)?)
}
