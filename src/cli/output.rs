//! Where commands write: answers to standard output, everything else to standard error.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};

use serde_json::Value;

use super::{Exit, say};

/// A line of the answer.
pub(super) fn line(text: impl Display) -> Result<(), Exit> {
    written(writeln!(io::stdout().lock(), "{text}"))
}

/// A document of the answer, on a line of its own.
pub(super) fn json(document: &Value) -> Result<(), Exit> {
    line(document)
}

/// Bytes of the answer.
pub(super) fn bytes(bytes: &[u8]) -> Result<(), Exit> {
    written(io::stdout().lock().write_all(bytes))
}

/// A line beside the answer.
pub(super) fn note(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whoever reads has read enough when the pipe is broken; anything else is worth telling.
fn written(result: io::Result<()>) -> Result<(), Exit> {
    result.map_err(|error| {
        if error.kind() != ErrorKind::BrokenPipe {
            say(error);
        }
        Exit::Failed
    })
}
