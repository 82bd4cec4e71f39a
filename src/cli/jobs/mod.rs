//! `lyceum jobs`: posting, watching, halting and ending jobs.

mod cancel;
mod job;
mod list;
mod logs;
mod pause;
mod resume;
mod show;
mod submit;
mod watch;

use clap::Subcommand;
use serde_json::Value;
use uuid::Uuid;

use super::client::Client;
use super::{Exit, block_on, say};
use crate::config;

pub(super) use job::Job;

/// Submit, list, watch, pause, resume and cancel jobs.
#[derive(clap::Args)]
#[command(after_help = "A JOB is a job's id, or a job's name for the newest of that name.")]
pub(super) struct Jobs {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    client: config::Client,
}

#[derive(Subcommand)]
enum Command {
    Submit(submit::Submit),
    List(list::List),
    Show(show::Show),
    Watch(watch::Watch),
    Pause(pause::Pause),
    Resume(resume::Resume),
    Cancel(cancel::Cancel),
    Logs(logs::Logs),
}

impl Jobs {
    pub(super) fn run(self) -> Result<(), Exit> {
        let client = Client::new(&self.client)?;
        block_on(async {
            match self.command {
                Command::Submit(submit) => submit.run(&client).await,
                Command::List(list) => list.run(&client).await,
                Command::Show(show) => show.run(&client).await,
                Command::Watch(watch) => watch.run(&client).await,
                Command::Pause(pause) => pause.run(&client).await,
                Command::Resume(resume) => resume.run(&client).await,
                Command::Cancel(cancel) => cancel.run(&client).await,
                Command::Logs(logs) => logs.run(&client).await,
            }
        })
    }
}

/// The id of the job that is meant.
async fn id_of(client: &Client, job: &str) -> Result<String, Exit> {
    if job.parse::<Uuid>().is_ok() {
        return Ok(job.to_owned());
    }
    let named = client.list(&["v1", "jobs"], &[("name", job)], 1).await?;
    if let Some(id) = named.first().and_then(|job| job["id"].as_str()) {
        return Ok(id.to_owned());
    }
    say(format_args!("there is no job with the id or the name {job}"));
    Err(Exit::Refused)
}

/// Prints how a job ended, and ends the command as the job did.
pub(super) fn conclude(client: &Client, document: Value) -> Result<(), Exit> {
    if client.json {
        super::output::json(&document)?;
    }
    let job: Job = client.read(document)?;
    if !client.json {
        super::output::line(job.outcome())?;
    }
    match &job.status[..] {
        "succeeded" => Ok(()),
        "cancelled" => Err(Exit::Cancelled),
        _ => Err(Exit::Failed),
    }
}
