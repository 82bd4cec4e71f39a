//! Where processes are made to stop, for tests; there under the feature `fault-injection` alone.

use std::path::PathBuf;

/// Where processes are made to stop.
#[derive(Debug)]
pub struct Faults {
    pub points: String,
    pub folder: Option<PathBuf>,
    /// Memory in MiB that a run takes beside what it needs.
    pub memory_mb: usize,
}

impl Faults {
    #[expect(
        clippy::disallowed_methods,
        reason = "settings are read here; this one is no flag, since workers inherit it"
    )]
    pub(crate) fn read() -> Self {
        Self {
            points: std::env::var("LYCEUM_FAULT").unwrap_or_default(),
            folder: std::env::var_os("LYCEUM_FAULT_DIR").map(PathBuf::from),
            memory_mb: std::env::var("LYCEUM_FAULT_MEMORY_MB").map_or(0, |text| text.parse().unwrap_or(0)),
        }
    }
}
