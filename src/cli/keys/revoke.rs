//! `lyceum keys revoke`.

use reqwest::Method;

use crate::cli::client::Client;
use crate::cli::{Exit, output};

/// Revoke a key: whoever shows it from here on is refused.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum keys revoke ci")]
pub(super) struct Revoke {
    /// Its name.
    name: String,
}

impl Revoke {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        client.send(client.request(Method::DELETE, &["v1", "keys", &self.name])).await?;
        if client.json { Ok(()) } else { output::line(format_args!("{} is revoked", self.name)) }
    }
}
