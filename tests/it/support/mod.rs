//! What several tests need: a server without a socket, and a client for it.

pub mod mnist;
pub mod schema;

use std::path::Path;
use std::time::Duration;

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
    server_with(|_| {}).await
}

/// A server whose settings were changed.
pub async fn server_with(change: impl FnOnce(&mut Config)) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.server.data_dir = folder.path().join("data");
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.jobs.idle_workers = 0;
    change(&mut config);
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

    /// Uploads a data set.
    pub async fn upload(&self, name: &str, format: &str, bytes: Vec<u8>) {
        let uri = format!("/v1/datasets?name={name}&format={format}");
        let request = request("POST", &uri).header(header::CONTENT_TYPE, "application/octet-stream");
        let answer = self.ask(request, bytes).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }

    /// Posts a job and waits until it has succeeded; answers it as it reads then.
    pub async fn finish(&self, body: &Value) -> Value {
        let posted = self.post("/v1/jobs", body).await;
        assert_eq!(posted.status, StatusCode::ACCEPTED, "{}", posted.body);
        let uri = format!("/v1/jobs/{}", posted.body["id"].as_str().unwrap());
        loop {
            let job = self.get(&uri).await.body;
            match job["status"].as_str().unwrap() {
                "succeeded" => return job,
                "queued" | "running" => tokio::time::sleep(Duration::from_millis(20)).await,
                _ => panic!("{job:#}"),
            }
        }
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

/// A body of `examples/`, as it stands.
pub fn example(name: &str) -> Value {
    let path = examples().join(format!("{name}.json"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))
}
