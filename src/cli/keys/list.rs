//! `lyceum keys list`.

use super::Key;
use crate::cli::client::Client;
use crate::cli::table::Table;
use crate::cli::{Exit, output};

/// List the keys in use, without their secrets.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum keys list")]
pub(super) struct List {}

impl List {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let keys = client.list(&["v1", "keys"], &[], usize::MAX).await?;
        if client.json {
            return keys.iter().try_for_each(output::json);
        }
        let mut table = Table::new(&["NAME", "SCOPES", "CREATED (UTC)", "EXPIRES (UTC)", "LAST USED (UTC)"]);
        for key in keys {
            let key: Key = client.read(key)?;
            let or_never =
                |time: Option<String>| time.map_or_else(|| "never".to_owned(), |time| minute(&time));
            table.row([
                key.name,
                key.scopes.join(" "),
                minute(&key.created_at),
                or_never(key.expires_at),
                or_never(key.last_used_at),
            ]);
        }
        output::line(table)
    }
}

/// A time to the minute.
fn minute(time: &str) -> String {
    time.get(..16).unwrap_or(time).replace('T', " ")
}
