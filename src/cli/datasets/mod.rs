//! `lyceum datasets`: uploading and showing data sets.

mod add;
mod dataset;
mod list;
mod pack;
mod show;

use clap::Subcommand;

use super::client::Client;
use super::{Exit, block_on};
use crate::config;

pub(super) use dataset::{classes, shape};

/// Add, list and show data sets.
#[derive(clap::Args)]
pub(super) struct Datasets {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: config::Client,
}

#[derive(Subcommand)]
enum Command {
    Add(add::Add),
    List(list::List),
    Show(show::Show),
}

impl Datasets {
    pub(super) fn run(self) -> Result<(), Exit> {
        let client = Client::new(&self.client)?;
        block_on(async {
            match self.command {
                Command::Add(add) => add.run(&client).await,
                Command::List(list) => list.run(&client).await,
                Command::Show(show) => show.run(&client).await,
            }
        })
    }
}
