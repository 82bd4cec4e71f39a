//! A data folder that outlives its servers, each a process of its own: for what kills them.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// How long a server may take to answer, and a job to end.
const PATIENCE: Duration = Duration::from_mins(2);

/// A server in a process of its own, on a folder that outlives it.
struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(world: &World) -> Option<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lyceum"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data-dir"])
            .arg(world.data())
            .arg("--shipped-datasets")
            .arg(world.folder.path().join("none"))
            .args(&world.arguments)
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

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A data folder, the server on it at the moment, and what goes wrong.
pub(crate) struct World {
    folder: tempfile::TempDir,
    /// Places at which processes stop, as `LYCEUM_FAULT` has them.
    pub(crate) fault: String,
    arguments: Vec<String>,
    server: Option<Server>,
    pub(crate) client: reqwest::Client,
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
        for pid in self.running().into_keys().filter_map(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl World {
    pub(crate) fn new(fault: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["none", "faults"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self { folder, fault: fault.into(), arguments, server: None, client: super::client() }
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The address of a server that lives; another is started where the last one has died.
    pub(crate) fn url(&mut self) -> String {
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

    pub(crate) fn server_pid(&self) -> u32 {
        self.server.as_ref().unwrap().child.id()
    }

    /// Ends the server as a power cut would, but for its children.
    pub(crate) fn kill_server(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill();
        }
    }

    /// The workers that have a run, by the run: the run's log is what they write to.
    pub(crate) fn running(&self) -> BTreeMap<i32, String> {
        let runs = self.data().join("runs");
        let processes = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let run_of = |process: &Path| {
            let log = std::fs::read_link(process.join("fd/1")).ok()?;
            let run = log.strip_prefix(&runs).ok()?.parent()?;
            Some(run.to_str()?.to_owned())
        };
        processes
            .filter_map(|process| {
                let pid = process.file_name().to_str()?.parse().ok()?;
                Some((pid, run_of(&process.path())?))
            })
            .collect()
    }

    /// Asks until there is an answer, as a client does that has an idempotency key.
    pub(crate) async fn ask(
        &mut self,
        ask: impl Fn(&reqwest::Client, &str) -> reqwest::RequestBuilder,
    ) -> Value {
        let begun = Instant::now();
        loop {
            let url = self.url();
            match ask(&self.client, &url).header("accept", "application/json").send().await {
                Ok(answer) if answer.status().is_success() => {
                    if let Ok(answer) = answer.json().await {
                        return answer;
                    }
                }
                Ok(answer) if answer.status().as_u16() != 503 => {
                    panic!("{}: {}", self.fault, answer.text().await.unwrap())
                }
                _ => {}
            }
            assert!(begun.elapsed() < PATIENCE, "{}: no answer", self.fault);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Value {
        self.ask(|client, url| client.get(format!("{url}{path}"))).await
    }

    pub(crate) async fn delete(&mut self, path: &str) {
        let url = self.url();
        let answer = self.client.delete(format!("{url}{path}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
    }

    pub(crate) async fn upload(&mut self, name: &str, format: &str, bytes: Vec<u8>) {
        let bytes = bytes::Bytes::from(bytes);
        let path = format!("/v1/datasets?name={name}&format={format}");
        self.ask(|client, url| {
            let upload = client.post(format!("{url}{path}"));
            upload.header("content-type", "application/octet-stream").body(bytes.clone())
        })
        .await;
    }

    /// Queues a job once, however often it has to be asked for, and answers its id.
    pub(crate) async fn submit(&mut self, key: &str, body: &Value) -> String {
        let job = self
            .ask(|client, url| {
                client.post(format!("{url}/v1/jobs")).header("idempotency-key", key).json(body)
            })
            .await;
        job["id"].as_str().unwrap().to_owned()
    }

    /// The job as it ended.
    pub(crate) async fn finished(&mut self, id: &str) -> Value {
        let begun = Instant::now();
        loop {
            let job = self.get(&format!("/v1/jobs/{id}")).await;
            if job["finished_at"].is_string() {
                return job;
            }
            assert!(begun.elapsed() < PATIENCE, "{}: {job:#}", self.fault);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// The steps of a series, which must be there once each and in order.
    pub(crate) async fn steps(&mut self, id: &str, name: &str) -> Vec<u64> {
        let series = self.get(&format!("/v1/jobs/{id}/metrics?name={name}&max_points=10000")).await;
        let points = series["data"][0]["points"].as_array().cloned().unwrap_or_default();
        points.iter().map(|point| point[0].as_u64().unwrap()).collect()
    }

    /// The places that were visited.
    pub(crate) fn visited(&self) -> Vec<PathBuf> {
        let faults = std::fs::read_dir(self.folder.path().join("faults")).unwrap();
        faults.map(|entry| entry.unwrap().path()).collect()
    }
}
