//! `lyceum jobs logs`.

use reqwest::Method;
use serde_json::json;

use super::id_of;
use crate::cli::client::Client;
use crate::cli::{Exit, output};

/// Print what a job's run wrote to its log.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  lyceum jobs logs mnist-cnn --tail 20")]
pub(super) struct Logs {
    /// The job's id, or its name.
    job: String,
    /// The last lines alone, so many of them.
    #[arg(long, value_name = "N")]
    tail: Option<u64>,
    /// The log of this run; of the latest one where it is not said.
    #[arg(long, value_name = "ID")]
    run: Option<String>,
}

impl Logs {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let id = id_of(client, &self.job).await?;
        let mut request = client.request(Method::GET, &["v1", "jobs", &id, "logs"]);
        if let Some(tail) = self.tail {
            request = request.query(&[("tail", tail)]);
        }
        if let Some(run) = self.run {
            request = request.query(&[("run", run)]);
        }
        let mut answer = client.send(request).await?;
        if client.json {
            let text = answer.text().await.map_err(|error| client.silent(&error))?;
            return text.lines().try_for_each(|line| output::json(&json!({"line": line})));
        }
        while let Some(piece) = answer.chunk().await.map_err(|error| client.silent(&error))? {
            output::bytes(&piece)?;
        }
        Ok(())
    }
}
