//! `lyceum jobs cancel`.

use super::{Job, id_of};
use crate::cli::client::Client;
use crate::cli::{Exit, output};

/// Cancel a job.
///
/// A queued one is cancelled at once, a running one as soon as its run has ended.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum jobs cancel mnist-cnn\n\n\
    Exit codes: 0 it is cancelled or about to be, 2 there is no such job or it has ended.")]
pub(super) struct Cancel {
    /// The job's id, or its name.
    job: String,
}

impl Cancel {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let id = id_of(client, &self.job).await?;
        let document = client.post(&["v1", "jobs", &id, "cancel"], Vec::new()).await?;
        if client.json {
            return output::json(&document);
        }
        let job: Job = client.read(document)?;
        output::line(match &job.status[..] {
            "cancelled" => format!("{} is cancelled", job.name),
            _ => format!("{} is about to be cancelled", job.name),
        })
    }
}
