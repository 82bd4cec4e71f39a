//! `lyceum jobs pause`.

use super::{Job, id_of};
use crate::cli::client::Client;
use crate::cli::{Exit, output};

/// Pause a job.
///
/// A waiting one is paused at once, a running one behind a checkpoint. `lyceum jobs resume` lets it go on.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum jobs pause mnist-cnn\n\n\
    Exit codes: 0 it is paused or about to be, 2 there is no such job or it has ended.")]
pub(super) struct Pause {
    /// The job's id, or its name.
    job: String,
}

impl Pause {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let id = id_of(client, &self.job).await?;
        let document = client.post(&["v1", "jobs", &id, "pause"], Vec::new()).await?;
        if client.json {
            return output::json(&document);
        }
        let job: Job = client.read(document)?;
        output::line(match &job.status[..] {
            "paused" => format!("{} is paused", job.name),
            _ => format!("{} is about to be paused", job.name),
        })
    }
}
