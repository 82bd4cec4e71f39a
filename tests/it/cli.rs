//! The command line as its users run it: the real program against a real server.

mod demo;
mod exits;
mod iris;
mod watching;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A server in a process and a folder of its own.
struct Server {
    child: Child,
    address: String,
    dir: TempDir,
}

/// What a command said, and how it ended.
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Server {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let shipped = dir.path().join("none");
        std::fs::create_dir(&shipped).unwrap();
        let mut child = program()
            .args(["serve", "--listen", "127.0.0.1:0", "--on-shutdown", "checkpoint", "--log", "error"])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .arg("--shipped-datasets")
            .arg(&shipped)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim_end().to_owned(), dir }
    }

    /// One that knows the flowers.
    fn with_iris() -> Self {
        let server = Self::start();
        assert_eq!(server.run(&["datasets", "add", &iris()]).code, 0);
        server
    }

    /// A command that is to talk to this server.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = program();
        command.args(arguments).env("LYCEUM_SERVER", &self.address);
        command
    }

    fn run(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments))
    }

    /// The documents that a command prints, where it ends well.
    fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let said = self.run(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        said.documents()
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn job(&self, changes: &Value) -> String {
        self.file("job.json", job(changes).to_string())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        signal(&self.child, Signal::TERM);
        self.child.wait().unwrap();
    }
}

impl Said {
    fn documents(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lyceum"));
    command.env_remove("LYCEUM_SERVER").stdin(Stdio::null());
    command
}

fn said(command: &mut Command) -> Said {
    let output = command.output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// What a command says that is given this on its standard input.
fn said_to(command: &mut Command, input: &[u8]) -> Said {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    Said {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_raw(child.id().cast_signed()).unwrap(), signal).unwrap();
}

/// Reads a child's output up to the first line that is looked for.
fn wait_for_line(output: impl std::io::Read, sought: impl Fn(&str) -> bool) -> String {
    BufReader::new(output).lines().map(Result::unwrap).find(|line| sought(line)).expect("such a line")
}

fn iris() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("datasets/iris/iris.csv").to_str().unwrap().to_owned()
}

/// A job that tells the flowers apart, with some of its fields changed.
fn job(changes: &Value) -> Value {
    let mut job = json!({
        "name": "iris",
        "training": {
            "method": "supervised",
            "dataset": {"name": "iris", "target": "species", "test": {"every": 5, "offset": 4}},
            "model": {"layers": [
                {"type": "dense", "units": 16, "activation": "tanh"},
                {"type": "dense", "units": 3, "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": 0.02},
            "metrics": ["accuracy"],
            "batch_size": 16, "epochs": 40
        },
        "seed": 7
    });
    for (pointer, value) in changes.as_object().unwrap() {
        *job.pointer_mut(pointer).unwrap() = value.clone();
    }
    job
}

/// One that trains for as long as a test may want.
fn long_job() -> Value {
    json!({"/training/epochs": 1_000_000, "/name": "long"})
}
