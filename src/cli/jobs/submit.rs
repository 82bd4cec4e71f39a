//! `lyceum jobs submit`.

use std::path::PathBuf;

use super::{Job, conclude};
use crate::cli::client::Client;
use crate::cli::watch::{View, watch};
use crate::cli::{Exit, input, output};

/// Submit a job, and watch it if you like.
///
/// Prints the job's id. The job is checked first, and every mistake in it is told with its place.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  lyceum jobs submit job.json --watch
  id=$(lyceum jobs submit job.json)
  jq '.seed = 8' job.json | lyceum jobs submit - --wait

Exit codes: 0 submitted, or with --watch or --wait succeeded; 1 the job failed,
2 it is refused, 3 it was cancelled, 4 no server. Ctrl-C while watching leaves
the job running (130).")]
pub(super) struct Submit {
    /// The job's JSON; `-` reads it from standard input.
    file: PathBuf,
    /// Show the training as it goes, and end as the job does; with --json each event, and the finished job last.
    #[arg(long, conflicts_with = "wait")]
    watch: bool,
    /// Wait until the job has ended, and end as it does.
    #[arg(long)]
    wait: bool,
}

impl Submit {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let body = input::read(&self.file)?;
        let document = client.post(&["v1", "jobs"], body).await?;
        let watched = self.watch || self.wait;
        if client.json && !watched {
            return output::json(&document);
        }
        let job: Job = client.read(document)?;
        if !watched {
            output::line(&job.id)?;
            output::note(format_args!(
                "{} is {}; `lyceum jobs watch {}` watches it",
                job.name, job.status, job.id
            ));
            return Ok(());
        }
        let view = match (self.watch, client.json) {
            (true, true) => View::Json,
            (true, false) => {
                output::note(format_args!("{} is job {}", job.name, job.id));
                View::live()
            }
            (false, _) => View::Nothing,
        };
        conclude(client, watch(client, &job.id, view).await?)
    }
}
