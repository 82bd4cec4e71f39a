//! `lyceum datasets show`.

use super::dataset::Dataset;
use crate::cli::client::Client;
use crate::cli::{Exit, input, output};

/// Show a data set: its splits and its columns.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  lyceum datasets show iris\n  lyceum datasets show iris@1 --json")]
pub(super) struct Show {
    /// The data set, `NAME` or `NAME@VERSION`.
    dataset: String,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let document = match input::named(&self.dataset) {
            (name, Some(version)) => client.get(&["v1", "datasets", name, "versions", version]).await?,
            (name, None) => client.get(&["v1", "datasets", name]).await?,
        };
        if client.json {
            return output::json(&document);
        }
        output::line(client.read::<Dataset>(document)?.describe())
    }
}
