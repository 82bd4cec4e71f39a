//! `lyceum models`: showing, calling and downloading models.

mod download;
mod list;
mod predict;
mod show;

use clap::Subcommand;
use serde::Deserialize;

use super::client::Client;
use super::{Exit, block_on};
use crate::config;

/// List, show, call and download models.
#[derive(clap::Args)]
#[command(after_help = "A MODEL is NAME for its latest version, NAME@3 for that version, or NAME@ALIAS.")]
pub(super) struct Models {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: config::Client,
}

#[derive(Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    Predict(predict::Predict),
    Download(download::Download),
}

impl Models {
    pub(super) fn run(self) -> Result<(), Exit> {
        let client = Client::new(&self.client)?;
        block_on(async {
            match self.command {
                Command::List(list) => list.run(&client).await,
                Command::Show(show) => show.run(&client).await,
                Command::Predict(predict) => predict.run(&client).await,
                Command::Download(download) => download.run(&client).await,
            }
        })
    }
}

/// What is read of a model.
#[derive(Deserialize)]
struct Model {
    name: String,
    latest: u32,
    aliases: std::collections::BTreeMap<String, u32>,
    versions: Vec<u32>,
    updated_at: String,
}

impl Model {
    /// The aliases that somebody gave.
    fn told_aliases(&self) -> String {
        let given = self.aliases.iter().filter(|(alias, _)| *alias != "latest");
        given.map(|(alias, version)| format!("{alias}={version}")).collect::<Vec<_>>().join(" ")
    }
}
