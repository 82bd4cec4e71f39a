//! The worker's end of the socket.

use std::sync::Arc;
use std::time::Duration;

use reqwest::StatusCode;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::config;
use crate::jobs::protocol::{self, Answer, Assignment, Batch, Heartbeat};
use crate::jobs::runner::Free;
use crate::jobs::socket::SocketPath;
use crate::spec::report::Control;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// What came of talking to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Told(Control),
    /// This run is over for the server.
    Gone,
    /// There is no server, or it cannot do this now.
    Nothing,
}

/// Talks to the server.
#[derive(Clone)]
pub(super) struct Link {
    client: reqwest::Client,
    /// Held as long as the client is used.
    _socket: Arc<SocketPath>,
    worker: Uuid,
    token: Arc<str>,
}

impl Link {
    pub(super) fn new(settings: &config::Worker) -> std::io::Result<Self> {
        let socket = SocketPath::of(&settings.socket)?;
        let client = reqwest::Client::builder()
            .unix_socket(socket.as_path().to_owned())
            // There is no TLS on a socket, and so nobody to trust.
            .tls_certs_only([])
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Self {
            client,
            _socket: Arc::new(socket),
            worker: settings.id,
            token: settings.token.as_str().into(),
        })
    }

    /// Waits for a run. `None`: there is none for this worker any more.
    pub(super) async fn next(&self) -> Option<Assignment> {
        let free = Free { worker: self.worker };
        let answer = self.post(protocol::NEXT, &self.token, &free, None).await?;
        match answer.status() {
            StatusCode::OK => answer.json().await.ok(),
            _ => None,
        }
    }

    pub(super) async fn report(&self, run: Uuid, token: &str, batch: &Batch) -> Heard {
        let answer = self.post(&protocol::reports_path(run), token, batch, Some(PATIENCE)).await;
        heard(answer).await
    }

    pub(super) async fn heartbeat(&self, run: Uuid, token: &str, beat: Heartbeat) -> Heard {
        let answer = self.post(&protocol::heartbeat_path(run), token, &beat, Some(PATIENCE)).await;
        heard(answer).await
    }

    async fn post(
        &self,
        path: &str,
        token: &str,
        body: &(impl Serialize + Sync),
        patience: Option<Duration>,
    ) -> Option<reqwest::Response> {
        let mut request = self.client.post(format!("http://runner{path}")).bearer_auth(token).json(body);
        if let Some(patience) = patience {
            request = request.timeout(patience);
        }
        match request.send().await {
            Ok(answer) => Some(answer),
            Err(error) => {
                tracing::debug!(%error, path, "the server does not answer");
                None
            }
        }
    }
}

async fn heard(answer: Option<reqwest::Response>) -> Heard {
    let Some(answer) = answer else { return Heard::Nothing };
    match answer.status() {
        StatusCode::OK => match read::<Answer>(answer).await {
            Some(answer) => Heard::Told(answer.control),
            None => Heard::Nothing,
        },
        // A batch that leaves others out can never be applied: what is missing was dropped when it was answered. Nor
        // can one that cannot be read.
        status @ (StatusCode::GONE
        | StatusCode::UNAUTHORIZED
        | StatusCode::CONFLICT
        | StatusCode::UNPROCESSABLE_ENTITY) => {
            tracing::warn!(%status, "the run is not wanted any more, and ends");
            Heard::Gone
        }
        status => {
            tracing::warn!(%status, "the server cannot take reports now");
            Heard::Nothing
        }
    }
}

async fn read<T: DeserializeOwned>(answer: reqwest::Response) -> Option<T> {
    answer.json().await.ok()
}
