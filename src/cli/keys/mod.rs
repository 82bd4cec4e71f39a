//! `lyceum keys`: who may call the server.

mod create;
mod list;
mod revoke;

use clap::Subcommand;
use serde::Deserialize;

use super::client::Client;
use super::{Exit, block_on};
use crate::config;

/// Make, list and revoke the keys by which callers are known.
///
/// A server without keys serves its own machine alone. With the first key, which needs the scope admin, it begins to
/// ask every caller for one: `--key` or `LYCEUM_KEY` here, `authorization: Bearer` and the key over HTTP.
#[derive(clap::Args)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: config::Client,
}

#[derive(Subcommand)]
enum Command {
    Create(create::Create),
    List(list::List),
    Revoke(revoke::Revoke),
}

impl Keys {
    pub(super) fn run(self) -> Result<(), Exit> {
        let client = Client::new(&self.client)?;
        block_on(async {
            match self.command {
                Command::Create(create) => create.run(&client).await,
                Command::List(list) => list.run(&client).await,
                Command::Revoke(revoke) => revoke.run(&client).await,
            }
        })
    }
}

/// What is read of a key.
#[derive(Deserialize)]
struct Key {
    name: String,
    scopes: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
}
