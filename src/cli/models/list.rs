//! `lyceum models list`.

use super::Model;
use crate::cli::client::Client;
use crate::cli::table::Table;
use crate::cli::{Exit, figures, output};

/// List the models.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum models list")]
pub(super) struct List {}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let models = client.list(&["v1", "models"], &[], usize::MAX).await?;
        if client.json {
            return models.iter().try_for_each(output::json);
        }
        let mut table =
            Table::new(&["NAME", "LATEST", "VERSIONS", "ALIASES", "UPDATED (UTC)"]).figures(&[1, 2]);
        for model in models {
            let model: Model = client.read(model)?;
            table.row([
                model.name.clone(),
                model.latest.to_string(),
                model.versions.len().to_string(),
                model.told_aliases(),
                figures::moment(&model.updated_at),
            ]);
        }
        output::line(table)
    }
}
