//! A job's events as they come, each once and in order, over as many connections as that takes.

use std::time::{Duration, Instant};

use reqwest::{Method, Response, StatusCode, header};
use serde_json::{Value, json};

use super::sse::Parser;
use crate::cli::Exit;
use crate::cli::client::Client;
use crate::clock;

/// A stream says at least that it is alive within this time.
const SILENCE: Duration = Duration::from_mins(1);
/// How long a server that was there may be away.
const PATIENCE: Duration = Duration::from_mins(1);
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);

/// Something that happened to a job.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) data: Value,
}

impl Event {
    /// As a document of its own.
    pub(super) fn document(&self, job: &str) -> Value {
        let id = self.id.parse::<u64>().map_or_else(|_| json!(self.id), |id| json!(id));
        json!({"id": id, "job": job, "event": self.kind, "data": self.data})
    }
}

pub(super) struct Follower<'a> {
    client: &'a Client,
    job: &'a str,
    /// The event that was heard last.
    last: Option<String>,
    open: Option<(Response, Parser)>,
    /// Since when nothing was heard.
    away: Option<Instant>,
    wait: Duration,
}

impl<'a> Follower<'a> {
    pub(super) fn new(client: &'a Client, job: &'a str) -> Self {
        Self { client, job, last: None, open: None, away: None, wait: FIRST_WAIT }
    }

    /// The next event; `None` when all of a finished job's have been told.
    pub(super) async fn next(&mut self) -> Result<Option<Event>, Exit> {
        loop {
            if self.open.is_none() && !self.connect().await? {
                return Ok(None);
            }
            let Some((response, parser)) = &mut self.open else { continue };
            if let Some(message) = parser.next() {
                self.last = Some(message.id.clone());
                let data = serde_json::from_str(&message.data).unwrap_or_default();
                return Ok(Some(Event { id: message.id, kind: message.event, data }));
            }
            match tokio::time::timeout(SILENCE, response.chunk()).await {
                Ok(Ok(Some(piece))) => {
                    parser.push(&piece);
                    self.away = None;
                    self.wait = FIRST_WAIT;
                }
                // The end of the stream without the end of the job, a connection that broke, or one that is dead.
                _ => self.open = None,
            }
        }
    }

    /// Opens the stream behind the last event. Answers false when nothing is left to be told.
    async fn connect(&mut self) -> Result<bool, Exit> {
        loop {
            if self.away.is_some() {
                tokio::time::sleep(self.wait).await;
                self.wait = (self.wait * 2).min(LONGEST_WAIT);
            }
            let first = self.last.is_none() && self.away.is_none();
            let away = *self.away.get_or_insert_with(clock::monotonic);
            let out_of_patience = first || away.elapsed() > PATIENCE;
            match self.ask().await {
                Ok(answer) if answer.status() == StatusCode::NO_CONTENT => return Ok(false),
                Ok(answer) if answer.status() == StatusCode::OK => {
                    self.open = Some((answer, Parser::default()));
                    return Ok(true);
                }
                Ok(answer) if out_of_patience || !for_now(answer.status()) => {
                    return Err(self.client.refused(answer).await);
                }
                Err(error) if out_of_patience => return Err(self.client.silent(&error)),
                Ok(_) | Err(_) => {}
            }
        }
    }

    async fn ask(&self) -> Result<Response, reqwest::Error> {
        let path = ["v1", "jobs", self.job, "events"];
        let mut request = self.client.request(Method::GET, &path).header(header::ACCEPT, "text/event-stream");
        if let Some(last) = &self.last {
            request = request.header("last-event-id", last);
        }
        request.send().await
    }
}

/// Whether another time it may be otherwise.
fn for_now(status: StatusCode) -> bool {
    status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error()
}
