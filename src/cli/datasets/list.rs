//! `lyceum datasets list`.

use super::dataset::Dataset;
use crate::cli::client::Client;
use crate::cli::table::Table;
use crate::cli::{Exit, output};

/// List the data sets, each in its latest version.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum datasets list")]
pub(super) struct List {
    /// Every version of this one instead.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let datasets = match &self.name {
            Some(name) => client.list(&["v1", "datasets", name, "versions"], &[], usize::MAX).await?,
            None => client.list(&["v1", "datasets"], &[], usize::MAX).await?,
        };
        if client.json {
            return datasets.iter().try_for_each(output::json);
        }
        let header = ["NAME", "VERSION", "FORMAT", "EXAMPLES", "SIZE", "CREATED (UTC)"];
        let mut table = Table::new(&header).figures(&[1, 3, 4]);
        for dataset in datasets {
            table.row(client.read::<Dataset>(dataset)?.row());
        }
        output::line(table)
    }
}
