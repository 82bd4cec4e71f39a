//! `lyceum jobs list`.

use super::Job;
use crate::cli::client::Client;
use crate::cli::table::Table;
use crate::cli::{Exit, output};

/// List jobs, newest first.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  lyceum jobs list --status queued,running
  lyceum jobs list --label course=6.S191 --limit 5")]
pub(super) struct List {
    /// Jobs of this status, or of one of several, separated by commas: queued, running, paused, retrying, succeeded,
    /// failed, cancelled.
    #[arg(long)]
    status: Option<String>,
    /// Jobs of this name.
    #[arg(long)]
    name: Option<String>,
    /// Jobs with this label, `name` or `name=value`, or with all of several, separated by commas.
    #[arg(long)]
    label: Option<String>,
    /// Jobs that make versions of this model.
    #[arg(long)]
    model: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let filters =
            [("status", &self.status), ("name", &self.name), ("label", &self.label), ("model", &self.model)];
        let query: Vec<(&str, &str)> =
            filters.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
        let jobs = client.list(&["v1", "jobs"], &query, self.limit).await?;
        if client.json {
            return jobs.iter().try_for_each(output::json);
        }
        let mut table =
            Table::new(&["ID", "NAME", "STATUS", "DONE", "METRIC", "CREATED (UTC)"]).figures(&[3]);
        for job in jobs {
            table.row(client.read::<Job>(job)?.row());
        }
        output::line(table)
    }
}
