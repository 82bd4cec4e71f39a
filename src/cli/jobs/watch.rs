//! `lyceum jobs watch`.

use super::{conclude, id_of};
use crate::cli::Exit;
use crate::cli::client::Client;
use crate::cli::watch::{View, watch};

/// Watch a job until it ends, and end as it does.
///
/// A connection that is cut is made again, and nothing is missed. What is over is told from its beginning.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  lyceum jobs watch mnist-cnn
  lyceum jobs watch mnist-cnn --json | jq 'select(.event == \"metrics\")'

Exit codes: 0 the job succeeded, 1 it failed, 2 there is no such job, 3 it was
cancelled, 4 no server. Ctrl-C leaves the job running (130).")]
pub(super) struct Watch {
    /// The job's id, or its name.
    job: String,
}

impl Watch {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let id = id_of(client, &self.job).await?;
        let view = if client.json { View::Json } else { View::live() };
        conclude(client, watch(client, &id, view).await?)
    }
}
