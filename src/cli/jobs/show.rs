//! `lyceum jobs show`.

use super::{Job, id_of};
use crate::cli::client::Client;
use crate::cli::{Exit, output};

/// Show a job: how it stands, what it made, or why it failed.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum jobs show mnist-cnn --json | jq .metrics")]
pub(super) struct Show {
    /// The job's id, or its name.
    job: String,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let id = id_of(client, &self.job).await?;
        let document = client.get(&["v1", "jobs", &id]).await?;
        if client.json {
            return output::json(&document);
        }
        output::line(client.read::<Job>(document)?.describe())
    }
}
