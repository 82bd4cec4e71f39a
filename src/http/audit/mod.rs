//! The audit log: who changed what, and who was refused. One JSON object a line, without bodies and without secrets.
//! Requests hand their lines to a thread that writes them, and do not wait for the disk.

mod file;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::Request;
use axum::http::Method;
use prometheus::IntCounter;
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

use super::AppState;
use super::access::{Caller, masked};
use super::connection::Peer;
use crate::{clock, telemetry};
use file::LogFile;

/// Lines that may wait for the disk. Only when there are more do requests wait.
const WAITING: usize = 16_384;
const BATCH: usize = 1_024;

/// The log of a server; nothing where the settings keep none.
pub(crate) struct Audit {
    writing: Mutex<Option<Writing>>,
    lost: IntCounter,
}

struct Writing {
    lines: mpsc::Sender<Vec<u8>>,
    ended: oneshot::Receiver<()>,
}

impl Audit {
    /// Opens the log at `path`, of which at most so many bytes are kept.
    pub(crate) fn open(path: &Path, bytes: u64) -> std::io::Result<Self> {
        let lost = telemetry::plain_counter(
            "lyceum_audit_lines_lost_total",
            "Lines of the audit log that could not be written.",
        );
        if bytes == 0 {
            return Ok(Self { writing: Mutex::new(None), lost });
        }
        let file = LogFile::open(path, bytes)?;
        let (lines, waiting) = mpsc::channel(WAITING);
        let (end, ended) = oneshot::channel();
        let count = lost.clone();
        std::thread::Builder::new().name("audit".into()).spawn(move || {
            write(file, waiting, &count);
            let _ = end.send(());
        })?;
        Ok(Self { writing: Mutex::new(Some(Writing { lines, ended })), lost })
    }

    fn lines(&self) -> Option<mpsc::Sender<Vec<u8>>> {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        writing.as_ref().map(|writing| writing.lines.clone())
    }

    /// Lines that were not written.
    pub(crate) fn lost(&self) -> &IntCounter {
        &self.lost
    }

    /// Writes what is waiting. What comes later is lost.
    pub(crate) async fn close(&self) {
        let writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Writing { lines, ended }) = writing {
            drop(lines);
            let _ = ended.await;
        }
    }
}

/// Writes lines until nobody can hand in more.
fn write(mut file: LogFile, mut waiting: mpsc::Receiver<Vec<u8>>, lost: &IntCounter) {
    let mut lines = Vec::new();
    while waiting.blocking_recv_many(&mut lines, BATCH) > 0 {
        if let Err(error) = file.append(&lines) {
            lost.inc_by(lines.len() as u64);
            tracing::error!(%error, lines = lines.len(), "lines of the audit log are lost");
        }
        lines.clear();
    }
    if let Err(error) = file.sync() {
        tracing::error!(%error, "the audit log may lack its last lines");
    }
}

/// Where it is noted who asks, once that is known.
#[derive(Clone, Default)]
pub(crate) struct Asker(Arc<OnceLock<Known>>);

struct Known {
    key: String,
    by: &'static str,
}

impl Asker {
    pub(super) fn is(&self, caller: &Caller) {
        let by = if caller.session.is_some() { "session" } else { "key" };
        let _ = self.0.set(Known { key: caller.key.name.clone(), by });
    }
}

/// Marks an answer to a caller who was not let in, or not to this.
#[derive(Clone, Copy)]
pub(super) struct Refused;

/// A request under way. One that would change something leaves a line even where its client goes before the answer.
pub(super) struct Entry {
    lines: mpsc::Sender<Vec<u8>>,
    lost: IntCounter,
    asker: Asker,
    remote: Option<SocketAddr>,
    method: Method,
    path: String,
    request_id: String,
    /// Whether dropping this leaves a line.
    due: bool,
}

#[derive(Serialize)]
struct Line<'a> {
    time: String,
    key: &'a str,
    by: &'a str,
    remote: Option<SocketAddr>,
    method: &'a str,
    path: &'a str,
    /// `null` where the client went before it was answered.
    status: Option<u16>,
    request_id: &'a str,
}

impl Entry {
    /// Nothing where no log is kept.
    pub(super) fn begin(state: &AppState, request: &mut Request, request_id: &str) -> Option<Self> {
        let lines = state.audit.lines()?;
        let asker = Asker::default();
        request.extensions_mut().insert(asker.clone());
        let path = request.uri().path();
        Some(Self {
            lines,
            lost: state.audit.lost.clone(),
            asker,
            remote: request.extensions().get::<Peer>().and_then(|peer| peer.address),
            method: request.method().clone(),
            path: masked(path).into_owned(),
            request_id: request_id.to_owned(),
            due: changes(request.method(), path),
        })
    }

    /// Leaves the line of a request that was answered. What no route took up leaves none, unless it was refused.
    pub(super) async fn end(mut self, status: u16, routed: bool, refused: bool) {
        let due = std::mem::take(&mut self.due);
        if refused || (due && routed) {
            // Where thousands of lines wait, this one does too.
            if self.lines.send(self.line(Some(status))).await.is_err() {
                self.lost.inc();
            }
        }
    }

    fn line(&self, status: Option<u16>) -> Vec<u8> {
        let (key, by) = self.asker.0.get().map_or(("-", "-"), |known| (&known.key, known.by));
        let line = Line {
            time: clock::rfc3339(clock::now_us()),
            key,
            by,
            remote: self.remote,
            method: self.method.as_str(),
            path: &self.path,
            status,
            request_id: &self.request_id,
        };
        let mut line = serde_json::to_vec(&line).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if self.due && self.lines.try_send(self.line(None)).is_err() {
            self.lost.inc();
            tracing::error!(path = self.path, "a line of the audit log is lost");
        }
    }
}

/// Whether a request may change something: plans, predictions and evaluations do not.
fn changes(method: &Method, path: &str) -> bool {
    let asks = path == "/v1/plans" || path.ends_with("/predict") || path.ends_with("/evaluate");
    path.starts_with("/v1/") && !method.is_safe() && !asks
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn entry(audit: &Audit, path: &str) -> Entry {
        let (method, request_id) = (Method::POST, "r".to_owned());
        let (lines, asker, due) = (audit.lines().unwrap(), Asker::default(), changes(&method, path));
        let lost = audit.lost.clone();
        Entry { lines, lost, asker, remote: None, method, path: path.to_owned(), request_id, due }
    }

    #[tokio::test]
    async fn what_changes_and_what_is_refused_leaves_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.log");
        let audit = Audit::open(&path, 1 << 20).unwrap();
        entry(&audit, "/v1/plans").end(200, true, false).await;
        entry(&audit, "/v1/models/m/predict").end(401, true, true).await;
        entry(&audit, "/v1/jobs").end(202, true, false).await;
        entry(&audit, "/v1/nothing").end(404, false, false).await;
        drop(entry(&audit, "/v1/keys"));
        drop(entry(&audit, "/v1/models/m/predict"));
        audit.close().await;
        let lines = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told: Vec<String> = lines
            .iter()
            .map(|line| format!("{} {}", line["path"].as_str().unwrap(), line["status"]))
            .collect();
        assert_eq!(told, ["/v1/models/m/predict 401", "/v1/jobs 202", "/v1/keys null"]);
        assert!(audit.lines().is_none(), "it is closed");
    }
}
