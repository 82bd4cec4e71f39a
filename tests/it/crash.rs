//! Every place between two writes at which a process may stop: whichever stops, the job ends as if nothing had
//! happened.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lyceum::fault::POINTS;
use serde_json::{Value, json};

const EPOCHS: u64 = 40;

/// Faults by the places that they visit. Where a place is only come by when something else has gone wrong, that
/// goes wrong first.
fn faults() -> Vec<String> {
    let mut faults: Vec<String> = POINTS
        .iter()
        .map(|point| match *point {
            "worker.batch.spooled" => "server.report.stored:2,worker.batch.spooled".to_owned(),
            "server.run.ending" => "worker.batch.sent:2,server.run.ending".to_owned(),
            point => point.to_owned(),
        })
        .collect();
    for pair in [
        "server.commit.before:4",
        "server.commit.after:7",
        "server.report.stored:3",
        "worker.file.renamed:3",
        "worker.checkpoint.told:2,server.commit.before:9",
        "worker.model.told,server.report.stored:4",
        "worker.finished.told,server.claimed:2",
        "worker.file.written:2,server.handed:2",
    ] {
        faults.push(pair.to_owned());
    }
    faults
}

/// A server in a process of its own, on a folder that outlives it.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(world: &World) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lyceum"))
            .args(["serve", "--listen", "127.0.0.1:0", "--idle-workers", "0", "--data-dir"])
            .arg(world.folder.path().join("data"))
            .arg("--shipped-datasets")
            .arg(world.folder.path().join("none"))
            .env("LYCEUM_FAULT", &world.fault)
            .env("LYCEUM_FAULT_DIR", world.folder.path().join("faults"))
            .env("LYCEUM_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line.is_empty() {
            child.wait().unwrap();
            return None;
        }
        Some(Self { child, url: line.trim().to_owned() })
    }

    fn is_dead(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }
}

/// A data folder, the server on it at the moment, and what goes wrong.
struct World {
    folder: tempfile::TempDir,
    fault: String,
    server: Option<Server>,
    client: reqwest::Client,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let _ = server.child.kill();
            let _ = server.child.wait();
        }
    }
}

impl World {
    fn new(fault: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["none", "faults"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, fault: fault.into(), server: None, client: reqwest::Client::new() }
    }

    /// The address of a server that lives; another is started where the last one has died.
    fn url(&mut self) -> String {
        for _ in 0..8 {
            if let Some(server) = &mut self.server
                && !server.is_dead()
            {
                return server.url.clone();
            }
            self.server = Server::start(self);
        }
        panic!("{}: no server starts", self.fault);
    }

    /// Asks until there is an answer, as a client does that has an idempotency key.
    async fn ask(&mut self, ask: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder) -> Value {
        let begun = Instant::now();
        loop {
            let url = self.url();
            match ask(&self.client, &url).send().await {
                Ok(answer) if answer.status().is_success() => match answer.json().await {
                    Ok(answer) => return answer,
                    Err(_) => continue,
                },
                Ok(answer) if answer.status().as_u16() != 503 => {
                    panic!("{}: {}", self.fault, answer.text().await.unwrap())
                }
                _ => {}
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{}: no answer", self.fault);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Uploads, trains and answers the job as it ended.
    async fn train(&mut self) -> Value {
        let iris =
            std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/iris/iris.csv")).unwrap();
        self.ask(|client, url| {
            let upload = client.post(format!("{url}/v1/datasets?name=iris&format=csv"));
            upload.header("content-type", "text/csv").body(iris.clone())
        })
        .await;
        let job = self
            .ask(|client, url| {
                client.post(format!("{url}/v1/jobs")).header("idempotency-key", "once").json(&body())
            })
            .await;
        let id = job["id"].as_str().unwrap().to_owned();
        let begun = Instant::now();
        loop {
            let job = self.ask(|client, url| client.get(format!("{url}/v1/jobs/{id}"))).await;
            if job["finished_at"].is_string() {
                return job;
            }
            assert!(begun.elapsed() < Duration::from_mins(1), "{}: {job:#}", self.fault);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn weights(&mut self) -> String {
        let version =
            self.ask(|client, url| client.get(format!("{url}/v1/models/crash/versions/latest"))).await;
        assert_eq!(version["version"], 1, "{}: one version a success", self.fault);
        version["sha256"].as_str().unwrap().to_owned()
    }

    /// The steps of a series, which must be there once each and in order.
    async fn steps(&mut self, id: &str, name: &str) -> Vec<u64> {
        let path = format!("/v1/jobs/{id}/metrics?name={name}&max_points=10000");
        let series = self.ask(|client, url| client.get(format!("{url}{path}"))).await;
        let points = series["data"][0]["points"].as_array().unwrap().clone();
        points.iter().map(|point| point[0].as_u64().unwrap()).collect()
    }

    fn visited(&self) -> Vec<PathBuf> {
        let faults = std::fs::read_dir(self.folder.path().join("faults")).unwrap();
        faults.map(|entry| entry.unwrap().path()).collect()
    }
}

fn body() -> Value {
    json!({
        "name": "crash", "seed": 11, "max_attempts": 5,
        "training": {
            "method": "supervised",
            "dataset": {"name": "iris", "target": "species", "validation": {"fraction": 0.2}},
            "model": {"layers": [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dropout", "rate": 0.2},
                                 {"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": 0.02},
            "metrics": ["accuracy"], "batch_size": 16, "epochs": EPOCHS
        },
        "checkpoint": {"every_epochs": 1, "keep": 1},
        "resources": {"device": "cpu", "memory_mb": 512}
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_process_stops_the_job_ends_as_if_nothing_had_happened() {
    let mut undisturbed = World::new("");
    let job = undisturbed.train().await;
    assert_eq!(job["status"], "succeeded", "{job:#}");
    let expected = undisturbed.weights().await;
    let id = job["id"].as_str().unwrap();
    let (steps, epochs) = (undisturbed.steps(id, "step_loss").await, undisturbed.steps(id, "loss").await);
    assert_eq!(epochs.len() as u64, EPOCHS);

    for fault in faults() {
        let mut world = World::new(&fault);
        let job = world.train().await;
        assert_eq!(job["status"], "succeeded", "{fault}: {job:#}");
        assert_eq!(world.weights().await, expected, "{fault}");
        let id = job["id"].as_str().unwrap().to_owned();
        assert_eq!(world.steps(&id, "step_loss").await, steps, "{fault}");
        assert_eq!(world.steps(&id, "loss").await, epochs, "{fault}");
        let wanted = fault.split(',').count();
        assert_eq!(world.visited().len(), wanted, "{fault}: only {:?} came by", world.visited());
    }
}
