//! A server in a process of its own, behind a socket: for what streams, breaks off, or must not grow.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use super::{Answer, client, contract};

pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
    pub(crate) client: reqwest::Client,
    /// Removed at the end.
    folder: TempDir,
}

impl Served {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        Self::start_by(&[], tempfile::tempdir().unwrap(), arguments)
    }

    /// The same through another command, which is given the server's as its last arguments.
    pub(crate) fn start_by(command: &[&str], folder: TempDir, arguments: &[&str]) -> Self {
        let words = [command, &[env!("CARGO_BIN_EXE_lyceum")]].concat();
        let mut child = Command::new(words[0])
            .args(&words[1..])
            .args(["serve", "--listen", "127.0.0.1:0", "--idle-workers", "0", "--log", "warn"])
            .args(["--on-shutdown", "checkpoint", "--threads", "2", "--data-dir"])
            .arg(folder.path().join("data"))
            .arg("--shipped-datasets")
            .arg(folder.path().join("none"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        let address = address.trim().to_owned();
        assert!(address.contains("://127.0.0.1:"), "{address:?}");
        Self { child, address, client: client(), folder }
    }

    /// Its data folder, as it sees it.
    pub(crate) fn data(&self) -> PathBuf {
        let seen = self.folder.path().join("data");
        Path::new("/proc").join(self.id().to_string()).join("root").join(seen.strip_prefix("/").unwrap())
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Every file that uploads and runs leave behind, by its path.
    pub(crate) fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.data().join("uploads"), self.data().join("artifacts")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path.clone());
                }
                found.insert(path);
            }
        }
        found
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) async fn send(&self, method: &str, path: &str, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let answer = Answer::new(status, headers, response.bytes().await.unwrap());
        contract::check(method, path, &answer);
        answer
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, self.client.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.post_as(path, "application/json", body.to_string()).await
    }

    pub(crate) async fn post_as(&self, path: &str, media: &str, body: impl Into<reqwest::Body>) -> Answer {
        let request = self.client.post(self.url(path)).header("content-type", media).body(body);
        self.send("POST", path, request).await
    }

    pub(crate) async fn finished(&self, id: &str) -> Value {
        for _ in 0..1_200 {
            let job = self.get(&format!("/v1/jobs/{id}")).await.expect(200);
            if job["finished_at"].is_string() {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the job does not end");
    }

    /// What `/proc` says of the server, in KiB: `VmRSS` now, `VmHWM` at most so far.
    pub(crate) fn memory(&self, line: &str) -> i64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let found = status.lines().find_map(|text| text.strip_prefix(line)).unwrap();
        found.trim_start_matches(':').split_whitespace().next().unwrap().parse().unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.child.wait();
    }
}
