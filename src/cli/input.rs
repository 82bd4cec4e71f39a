//! What a command is given to read: a file, or standard input for `-`; and what it refers to.

use std::io::Read as _;
use std::path::Path;

use super::{Exit, say};

/// All of a file, or of standard input.
pub(super) fn read(file: &Path) -> Result<Vec<u8>, Exit> {
    let read = if file == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| unreadable(file, &error))
}

pub(super) fn unreadable(file: &Path, error: &std::io::Error) -> Exit {
    say(format_args!("cannot read {}: {error}", file.display()));
    Exit::Refused
}

/// `NAME` or `NAME@VERSION`.
pub(super) fn named(reference: &str) -> (&str, Option<&str>) {
    match reference.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (reference, None),
    }
}
