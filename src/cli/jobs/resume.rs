//! `lyceum jobs resume`.

use super::{Job, id_of};
use crate::cli::client::Client;
use crate::cli::{Exit, output};

/// Let a paused job go on.
///
/// It goes back to the queue, and on from its newest checkpoint.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum jobs resume mnist-cnn\n\n\
    Exit codes: 0 it waits or runs, 2 there is no such job or it has ended.")]
pub(super) struct Resume {
    /// The job's id, or its name.
    job: String,
}

impl Resume {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let id = id_of(client, &self.job).await?;
        let document = client.post(&["v1", "jobs", &id, "resume"], Vec::new()).await?;
        if client.json {
            return output::json(&document);
        }
        let job: Job = client.read(document)?;
        output::line(format!("{} is {}", job.name, job.status))
    }
}
