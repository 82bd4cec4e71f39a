//! A server process, and a client for it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use lyceum::clock::monotonic;
use reqwest::{Client, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A worker that has computed nothing for so long waits for work.
const STILL: Duration = Duration::from_millis(400);

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    pub(crate) client: Client,
    /// From the start of the process to the first answer that it is ready.
    pub(crate) ready_after: Duration,
}

impl Server {
    /// Starts one on a data folder and waits until it is ready.
    pub(crate) async fn start(data: &Path, arguments: &[&str]) -> Self {
        fs::create_dir_all(data).expect("a data folder");
        let log = fs::File::options().create(true).append(true).open(data.join("server.log")).expect("a log");
        let began = monotonic();
        let mut child = Command::new(env!("CARGO_BIN_EXE_lyceum"))
            .arg("serve")
            .arg("--data-dir")
            .arg(data)
            .args(["--listen", "127.0.0.1:0"])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let url = lines.next_line().await.expect("a line").expect("the server says its address");
        // The one there is; another server may have chosen it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().tls_certs_only([]).build().expect("a client");
        loop {
            let answer = client.get(format!("{url}/readyz")).send().await;
            if answer.is_ok_and(|answer| answer.status().is_success()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Self { child, url, client, ready_after: began.elapsed() }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.client.get(format!("{}{path}", self.url)).send().await.expect("an answer");
        assert!(answer.status().is_success(), "GET {path}: {answer:?}");
        answer.json().await.expect("JSON")
    }

    /// Posts a job and answers its id.
    pub(crate) async fn submit(&self, job: &Value) -> String {
        let answer = self.client.post(format!("{}/v1/jobs", self.url)).json(job).send().await;
        let answer = answer.expect("an answer");
        let status = answer.status();
        let body: Value = answer.json().await.expect("JSON");
        assert!(status.is_success(), "{body}");
        body["id"].as_str().expect("an id").to_owned()
    }

    /// Cancels a job and waits until it has ended.
    pub(crate) async fn cancel(&self, job: &str) {
        let answer = self.client.post(format!("{}/v1/jobs/{job}/cancel", self.url)).send().await;
        assert!(answer.is_ok_and(|answer| answer.status().is_success()), "the job is not cancelled");
        self.events(job).await.until("event: end").await;
    }

    /// The job's stream of events.
    pub(crate) async fn events(&self, job: &str) -> Events {
        let answer = self.client.get(format!("{}/v1/jobs/{job}/events", self.url)).send().await;
        Events { answer: answer.expect("a stream"), read: String::new() }
    }

    /// Waits until a data set that ships is there.
    pub(crate) async fn has_dataset(&self, name: &str) {
        self.get(&format!("/v1/datasets/{name}")).await;
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("the server runs")
    }

    /// Its workers.
    pub(crate) fn workers(&self) -> Vec<u32> {
        children(self.pid())
    }

    /// Ends the workers that there are.
    pub(crate) async fn end_workers(&self) {
        let before = self.workers();
        for pid in &before {
            signal(*pid, Signal::KILL);
        }
        while self.workers().iter().any(|pid| before.contains(pid)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends the server, and not its workers.
    pub(crate) async fn abandon(mut self) {
        self.child.kill().await.expect("the server ends");
    }

    /// Waits until there is a worker that waits for work.
    pub(crate) async fn idle_worker(&self) {
        let spent = |pid: u32| stat(pid).map(|fields| (fields[11].clone(), fields[12].clone()));
        loop {
            let workers = self.workers();
            let before: Vec<_> = workers.iter().map(|pid| spent(*pid)).collect();
            tokio::time::sleep(STILL).await;
            let after: Vec<_> = workers.iter().map(|pid| spent(*pid)).collect();
            if !workers.is_empty() && before == after && workers == self.workers() {
                return;
            }
        }
    }

    /// Resident and anonymous memory, in millions of bytes.
    pub(crate) fn memory(&self) -> (f64, f64) {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("a status");
        let of = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("a line");
            line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0 / 1e6
        };
        (of("VmRSS:"), of("RssAnon:"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // One that was abandoned is gone.
        let Some(pid) = self.child.id() else { return };
        let workers = self.workers();
        signal(pid, Signal::KILL);
        for pid in workers {
            signal(pid, Signal::KILL);
        }
    }
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
        // One that is gone needs none.
        let _ = kill_process(pid, signal);
    }
}

/// The processes that a process has started and that run.
pub(crate) fn children(of: u32) -> Vec<u32> {
    let parent = of.to_string();
    let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| stat(*pid).is_some_and(|fields| fields[1] == parent && fields[0] != "Z")).collect()
}

/// The fields of `/proc/<pid>/stat` behind the name: state, parent, …
fn stat(pid: u32) -> Option<Vec<String>> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    Some(rest.split_ascii_whitespace().map(str::to_owned).collect())
}

/// An open stream of events.
pub(crate) struct Events {
    answer: Response,
    read: String,
}

impl Events {
    /// Waits until the stream has told of something that holds these words; it must not end before.
    pub(crate) async fn until(&mut self, words: &str) {
        while !self.read.contains(words) {
            let chunk = self.answer.chunk().await.expect("a stream");
            let chunk = chunk.unwrap_or_else(|| panic!("the stream ended: {}", self.read));
            self.read.push_str(&String::from_utf8_lossy(&chunk));
        }
    }

    /// Waits for the end of the job, which must be a good one.
    pub(crate) async fn until_succeeded(&mut self) {
        self.until("event: end").await;
        self.until("\n\n").await;
        assert!(self.read.contains(r#""status":"succeeded""#), "{}", self.read);
    }
}
