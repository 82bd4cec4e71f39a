//! What several tests need: a server without a socket, and a client for it.

pub mod schema;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use lyceum::config::Config;
use lyceum::http::{self, AppState, router};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

/// A server in a folder of its own.
pub struct Server {
    pub router: Router,
    pub state: AppState,
    pub folder: TempDir,
}

/// An answer, read to its end.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub bytes: bytes::Bytes,
    /// The body as JSON, or `null`.
    pub body: Value,
}

pub async fn server() -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.server.data_dir = folder.path().join("data");
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.jobs.idle_workers = 0;
    let started = http::Server::start(config, env!("CARGO_BIN_EXE_lyceum").into(), None).await.unwrap();
    Server { router: router(started.state.clone()), state: started.state, folder }
}

impl Server {
    pub async fn ask(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
        let request = request.body(body.into()).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, bytes, body }
    }

    pub async fn get(&self, uri: &str) -> Answer {
        self.ask(request("GET", uri), Body::empty()).await
    }

    pub async fn post(&self, uri: &str, body: &Value) -> Answer {
        let request = request("POST", uri).header(header::CONTENT_TYPE, "application/json");
        self.ask(request, body.to_string()).await
    }
}

/// A request as a client on this machine makes it.
pub fn request(method: &str, uri: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(uri).header(header::HOST, "localhost:8080")
}
