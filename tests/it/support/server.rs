//! A whole server without a socket, whose workers are real processes.

use std::path::PathBuf;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use http_body_util::BodyExt;
use lyceum::config::Config;
use lyceum::http::{self, Api, AppState};
use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, contract, request};

/// A server in a folder of its own.
pub(crate) struct Server {
    pub(crate) api: Api,
    pub(crate) state: AppState,
    pub(crate) folder: TempDir,
}

pub(crate) async fn server() -> Server {
    start(|_| {}, None).await
}

pub(crate) async fn server_with(change: impl FnOnce(&mut Config)) -> Server {
    start(change, None).await
}

/// A server that has just been installed: with the data sets that ship.
pub(crate) async fn server_with_datasets() -> Server {
    start(|_| {}, Some(concat!(env!("CARGO_MANIFEST_DIR"), "/datasets").into())).await
}

async fn start(change: impl FnOnce(&mut Config), shipped: Option<PathBuf>) -> Server {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config::default();
    config.server.data_dir = folder.path().join("data");
    config.server.listen = "127.0.0.1:0".parse().unwrap();
    config.jobs.idle_workers = 0;
    config.jobs.threads = 2;
    config.jobs.memory_mb = 8_192;
    change(&mut config);
    let started = http::Server::start(config, env!("CARGO_BIN_EXE_lyceum").into(), shipped).await.unwrap();
    Server { api: Api::new(started.state.clone()), state: started.state, folder }
}

impl Server {
    /// Asks, and holds the answer to the contract.
    pub(crate) async fn ask(&self, request: axum::http::request::Builder, body: impl Into<Body>) -> Answer {
        let request = request.body(body.into()).unwrap();
        let (method, uri) = (request.method().to_string(), request.uri().to_string());
        let response = self.api.clone().answer(request).await;
        let (parts, body) = response.into_parts();
        let answer = Answer::new(parts.status, parts.headers, body.collect().await.unwrap().to_bytes());
        contract::check(&method, &uri, &answer);
        answer
    }

    pub(crate) async fn get(&self, uri: &str) -> Answer {
        self.ask(request("GET", uri), Body::empty()).await
    }

    pub(crate) async fn post(&self, uri: &str, body: &Value) -> Answer {
        self.send("POST", uri, body).await
    }

    pub(crate) async fn send(&self, method: &str, uri: &str, body: &Value) -> Answer {
        let request = request(method, uri).header(header::CONTENT_TYPE, "application/json");
        self.ask(request, body.to_string()).await
    }

    pub(crate) async fn delete(&self, uri: &str) -> Answer {
        self.ask(request("DELETE", uri), Body::empty()).await
    }

    /// A POST without a body.
    pub(crate) async fn order(&self, uri: &str) -> Answer {
        self.ask(request("POST", uri), Body::empty()).await
    }

    /// Uploads a data set; `query` is what follows `?`.
    pub(crate) async fn upload(&self, query: &str, bytes: impl Into<Body>) -> Answer {
        let request = request("POST", &format!("/v1/datasets?{query}"))
            .header(header::CONTENT_TYPE, "application/octet-stream");
        self.ask(request, bytes).await
    }

    /// A table that is taken.
    pub(crate) async fn add_csv(&self, name: &str, text: &str) -> Value {
        self.upload(&format!("name={name}&format=csv"), text.to_owned()).await.expect(201)
    }

    /// Posts a job that is taken; its id.
    pub(crate) async fn submit(&self, body: &Value) -> String {
        let job = self.post("/v1/jobs", body).await.expect(202);
        job["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/jobs/{id}")).await.expect(200)
    }

    pub(crate) async fn until(&self, id: &str, stands: impl Fn(&Value) -> bool) -> Value {
        // Long for a job that trains beside others: who waits in vain has found a mistake, and may wait.
        for _ in 0..18_000 {
            let job = self.job(id).await;
            if stands(&job) {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the job does not come to stand so: {}", self.job(id).await);
    }

    /// Waits for the job's end, whatever it is.
    pub(crate) async fn finished(&self, id: &str) -> Value {
        self.until(id, |job| job["finished_at"].is_string()).await
    }

    /// Trains a job to its good end.
    pub(crate) async fn train(&self, body: &Value) -> Value {
        let id = self.submit(body).await;
        succeeded(self.finished(&id).await)
    }

    /// The same, however long it takes.
    pub(crate) async fn train_long(&self, body: &Value) -> Value {
        let id = self.submit(body).await;
        loop {
            let job = self.job(&id).await;
            if job["finished_at"].is_string() {
                return succeeded(job);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The events of a job, or of all, that are stored: id, kind and data.
    pub(crate) async fn events(&self, uri: &str) -> Vec<Value> {
        let mut events = Vec::new();
        let mut after = "0".to_owned();
        loop {
            let request = request("GET", &format!("{uri}?limit=1000&after={after}"))
                .header(header::ACCEPT, "application/json");
            let page = self.ask(request, Body::empty()).await.expect(200);
            events.extend(page["data"].as_array().unwrap().iter().cloned());
            match page["next"].as_str() {
                Some(next) => next.clone_into(&mut after),
                None => return events,
            }
        }
    }
}

fn succeeded(job: Value) -> Value {
    assert_eq!(job["status"], "succeeded", "{}", job["error"]);
    job
}
