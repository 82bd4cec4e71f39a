//! `lyceum openapi`: the contract.

use std::io::Write as _;

use super::Exit;
use crate::http;

/// Print the HTTP contract (OpenAPI 3.1, YAML).
#[derive(clap::Args)]
pub(super) struct Openapi {}

impl Openapi {
    #[expect(clippy::unused_self, reason = "a command like any other")]
    pub(super) fn run(self) -> Result<(), Exit> {
        let written = std::io::stdout().write_all(http::openapi::yaml().as_bytes());
        written.map_err(|_| Exit::Failed)
    }
}
