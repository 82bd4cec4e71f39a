//! `lyceum keys create`.

use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::{Exit, output};
use crate::store::Scope;

/// Make a key, and print its secret, which is shown this once.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  lyceum keys create admin --scope admin\n  \
    lyceum keys create ci --scope read --scope train --expires-in 2592000")]
pub(super) struct Create {
    /// Its name.
    name: String,
    /// What it allows; may be given several times.
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = scope)]
    scopes: Vec<Scope>,
    /// Seconds until it expires; never, where it is absent.
    #[arg(long, value_name = "SECONDS")]
    expires_in: Option<u64>,
}

fn scope(word: &str) -> Result<Scope, String> {
    Scope::from_word(word).ok_or_else(|| format!("there are {}", Scope::WORDS.join(", ")))
}

impl Create {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let body = json!({"name": self.name, "scopes": self.scopes, "expires_in": self.expires_in});
        let made = client.post(&["v1", "keys"], body.to_string().into_bytes()).await?;
        if client.json {
            return output::json(&made);
        }
        output::note("The key's secret, which nobody can show again:");
        output::line(made.get("secret").and_then(Value::as_str).unwrap_or_default())
    }
}
