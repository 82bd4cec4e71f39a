//! Serving beside other programs: the same perceptron with the same weights behind Lyceum, Triton and `FastAPI`, called by
//! the same client on the same cores, in turns. All are started anew in every round, and stand idle while
//! another is called.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use lyceum::clock::monotonic;
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::load::{Answer, Request, ask};
use crate::networks;
use crate::results::{Better, Group, Measure, Results};
use crate::server::{Server, children, signal};
use crate::serving::{CONNECTIONS, percentile, pixels};
use crate::table::{Figures, Table, Target};

const PATH: &str = "/v2/models/mlp/infer";
const WARM: Duration = Duration::from_secs(1);
/// How long each is called at a time, and how often in a round.
const TURN: Duration = Duration::from_millis(500);
const TURNS: u32 = 6;
/// As long as a server may take to start.
const PATIENCE: Duration = Duration::from_mins(2);
/// The answers of all servers agree to it.
const SAME: f64 = 1e-5;

const RATE: Measure =
    Measure { name: "requests", unit: "/s", places: 0, better: Better::More, relative: false };
const MORE: Measure =
    Measure { name: "Lyceum answers more", unit: "×", places: 2, better: Better::More, relative: true };
const MIDDLE: Measure = Measure { name: "p50", unit: "ms", places: 2, better: Better::Less, relative: false };
const SLOWEST: Measure =
    Measure { name: "p99", unit: "ms", places: 2, better: Better::Less, relative: false };
const SOONER: Measure =
    Measure { name: "Lyceum is sooner", unit: "×", places: 2, better: Better::More, relative: true };
const START: Measure =
    Measure { name: "cold start", unit: "s", places: 2, better: Better::Less, relative: false };
const MEMORY: Measure =
    Measure { name: "memory", unit: "MB", places: 0, better: Better::Less, relative: false };
const HOW: &str = "The perceptron 784-128-10, trained by Lyceum, behind each server with the same weights; for 17 inputs \
                   each answers what Lyceum answers, to 1e-5. One client, `benches/service/load.rs`, asks for one image at a time in the JSON of \
                   the Open Inference Protocol, on the same cores as the server. Triton is the wheel's own server with its \
                   Python backend, one instance and dynamic batching; FastAPI runs under uvicorn with orjson, uvloop and \
                   httptools; PyTorch has one thread in each. In every round each is started and called by itself, and then all anew and by turns \
                   of half a second, six each; who is not called stands idle. A cold start is \
                   from the start of the process to its first answer; memory is what all of its processes hold behind the \
                   load, shared pages divided among those who share them.";

#[derive(Clone, Copy)]
enum Program {
    Lyceum,
    Triton,
    FastApi { workers: &'static str },
}

const PROGRAMS: [(&str, Program); 4] = [
    ("Lyceum", Program::Lyceum),
    ("Triton", Program::Triton),
    ("FastAPI, 1 worker", Program::FastApi { workers: "1" }),
    ("FastAPI, 2 workers", Program::FastApi { workers: "2" }),
];

/// What they are started with.
struct Given<'a> {
    python: &'a Path,
    /// Lyceum's own, in which the model is.
    data: &'a Path,
    weights: PathBuf,
}

/// A server that answers.
enum Running {
    Ours(Server),
    Other { child: Child, url: String, _folder: tempfile::TempDir },
}

impl Running {
    fn url(&self) -> &str {
        match self {
            Self::Ours(server) => &server.url,
            Self::Other { url, .. } => url,
        }
    }

    fn pid(&self) -> u32 {
        match self {
            Self::Ours(server) => server.pid(),
            Self::Other { child, .. } => child.id().expect("the server runs"),
        }
    }

    /// Of all its processes, in millions of bytes.
    fn memory(&self) -> f64 {
        let held = |pid: &u32| {
            let said = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
            let line = said.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
            kibibytes.unwrap_or_default() * 1024.0 / 1e6
        };
        family(self.pid()).iter().map(held).sum()
    }

    /// Ends it, with what it has started.
    async fn end(self) {
        if let Self::Other { mut child, .. } = self {
            let all = family(child.id().expect("the server runs"));
            signal(all[0], Signal::TERM);
            let _ = tokio::time::timeout(Duration::from_secs(20), child.wait()).await;
            for pid in all {
                signal(pid, Signal::KILL);
            }
        }
    }
}

/// A process and all that it has started.
fn family(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    all.extend(children(pid).into_iter().flat_map(family));
    all
}

fn infer(url: &str, data: &[f64]) -> (Request, Value) {
    let input = json!({"name": "image", "shape": [1, 1, 28, 28], "datatype": "FP32", "data": data});
    let body = json!({"inputs": [input], "outputs": [{"name": "probabilities"}]});
    (Request::post(url, PATH, &body.to_string()), body)
}

/// The probabilities that a server answers, if it answers.
async fn probabilities(url: &str, data: &[f64]) -> Option<Vec<f64>> {
    let client = reqwest::Client::builder().tls_certs_only([]).build().expect("a client");
    let answer = client.post(format!("{url}{PATH}")).json(&infer(url, data).1).send().await.ok()?;
    let answer: Value = answer.error_for_status().ok()?.json().await.ok()?;
    answer["outputs"][0]["data"].as_array()?.iter().map(Value::as_f64).collect()
}

impl Program {
    /// Starts it, or says why it does not; with the seconds until it answered.
    async fn start(self, given: &Given<'_>) -> Result<(Running, f64), String> {
        let image: Vec<f64> = pixels().collect();
        let began = monotonic();
        let mut running = match self {
            Self::Lyceum => {
                Running::Ours(Server::start(given.data, &["--threads", "2", "--idle-workers", "0"]).await)
            }
            Self::Triton | Self::FastApi { .. } => self.spawn(given),
        };
        while probabilities(running.url(), &image).await.is_none() {
            let ended = match &mut running {
                Running::Ours(_) => None,
                Running::Other { child, .. } => child.try_wait().ok().flatten(),
            };
            if let Some(status) = ended {
                return Err(format!("it ended with {status}"));
            }
            if began.elapsed() > PATIENCE {
                running.end().await;
                return Err("it does not answer".to_owned());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok((running, began.elapsed().as_secs_f64()))
    }

    fn spawn(self, given: &Given<'_>) -> Running {
        let bench = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let folder = crate::folder();
        let mut command = Command::new(given.python);
        match self {
            Self::FastApi { workers } => command
                .args(["-m", "uvicorn", "serve_fastapi:app", "--host", "127.0.0.1", "--no-access-log"])
                .args(["--log-level", "warning", "--workers", workers, "--port", &port.to_string()])
                .args(["--loop", "uvloop", "--http", "httptools"]),
            Self::Triton | Self::Lyceum => {
                command.arg(bench.join("serve_triton.py")).arg(folder.path()).arg(port.to_string())
            }
        };
        let log = fs::File::create(folder.path().join("server.log")).expect("a log");
        let child = command
            .current_dir(&bench)
            .env("WEIGHTS", &given.weights)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("the server starts");
        Running::Other { child, url: format!("http://127.0.0.1:{port}"), _folder: folder }
    }
}

/// Trains the perceptron and keeps its weights.
async fn train(data: &Path) -> PathBuf {
    let server = Server::start(data, &["--threads", "2"]).await;
    server.has_dataset("mnist").await;
    let [mlp, ..] = networks::all();
    let mut job = mlp.job(1);
    job["name"] = json!("mlp");
    let id = server.submit(&job).await;
    server.events(&id).await.until_succeeded().await;
    let answer = server.client.get(format!("{}/v1/models/mlp/versions/1/weights", server.url)).send().await;
    let weights = answer.expect("an answer").bytes().await.expect("weights");
    let path = data.join("mlp.safetensors");
    fs::write(&path, weights).expect("a file");
    path
}

/// Images that all servers are asked about: bytes, as the data set has them.
fn asked() -> Vec<Vec<f64>> {
    let mut images: Vec<Vec<f64>> = (0..16_usize)
        .map(|image| (0..784).map(|at| ((at * (image + 3) * 37) % 256) as f64).collect())
        .collect();
    images.push(pixels().collect());
    images
}

pub(crate) async fn measure(table: &mut Table, python: &Path, rounds: usize) {
    let folder = crate::folder();
    let weights = train(folder.path()).await;
    let given = Given { python, data: folder.path(), weights };
    let mut results = Results::new("serving", "Serving, beside other programs", HOW);
    let mut groups = [
        Group::new(&format!("{CONNECTIONS} connections")),
        Group::new("One connection"),
        Group::new("The process"),
    ];
    let mut programs = PROGRAMS.to_vec();
    let mut right: Vec<Vec<f64>> = Vec::new();
    for round in 0..rounds {
        // Each by itself first: what several hold together is nobody's.
        for (name, program) in std::mem::take(&mut programs) {
            match program.start(&given).await {
                Ok((running, start)) => {
                    agree(&running, &mut right, name).await;
                    ask(&request_to(&running), CONNECTIONS, WARM).await;
                    groups[2].add(name, START, start);
                    groups[2].add(name, MEMORY, running.memory());
                    running.end().await;
                    programs.push((name, program));
                }
                Err(why) => println!("{name} is left out: {why}"),
            }
        }
        let mut started = Vec::new();
        for (name, program) in &programs {
            started.push((*name, program.start(&given).await.expect("it starts as it did before").0));
        }
        call(&started, &mut groups).await;
        for (_, running) in started {
            running.end().await;
        }
        println!("round {} of {rounds} is done", round + 1);
    }
    judge(table, &groups);
    results.versions.extend(versions(python).await);
    results.groups.extend(groups);
    results.end();
}

/// Whether it answers what the first one answered.
async fn agree(running: &Running, right: &mut Vec<Vec<f64>>, name: &str) {
    for (index, image) in asked().iter().enumerate() {
        let answered = probabilities(running.url(), image).await.expect("an answer");
        if right.len() <= index {
            right.push(answered);
            continue;
        }
        let far = answered.iter().zip(&right[index]).map(|(one, other)| (one - other).abs());
        let farthest = far.fold(0.0, f64::max);
        assert!(
            farthest <= SAME && answered.len() == right[index].len(),
            "{name} is off by {farthest} for image {index}"
        );
    }
}

fn request_to(running: &Running) -> Request {
    infer(running.url(), &pixels().collect::<Vec<f64>>()).0
}

/// Calls each in short turns, so that what slows the machine for some seconds slows all of them.
async fn call(started: &[(&str, Running)], groups: &mut [Group; 3]) {
    let requests: Vec<Request> = started.iter().map(|(_, running)| request_to(running)).collect();
    for request in &requests {
        ask(request, CONNECTIONS, WARM).await;
    }
    for (group, connections) in [(0, CONNECTIONS), (1, 1)] {
        let mut answers: Vec<Vec<Answer>> = requests.iter().map(|_| Vec::new()).collect();
        for _ in 0..TURNS {
            for (request, answers) in requests.iter().zip(&mut answers) {
                answers.extend(ask(request, connections, TURN).await);
            }
        }
        let mut ours = None;
        for ((name, _), answers) in started.iter().zip(&answers) {
            assert!(answers.iter().all(|answer| answer.status == 200), "{name} refused a request");
            let rate = answers.len() as f64 / (TURN * TURNS).as_secs_f64();
            let middle = percentile(answers, 50);
            groups[group].add(name, RATE, rate);
            groups[group].add(name, MIDDLE, middle);
            groups[group].add(name, SLOWEST, percentile(answers, 99));
            let (our_rate, our_middle) = *ours.get_or_insert((rate, middle));
            if *name != PROGRAMS[0].0 {
                match group {
                    0 => groups[group].add(name, MORE, our_rate / rate),
                    _ => groups[group].add(name, SOONER, middle / our_middle),
                }
            }
        }
    }
}

/// Of the packages that serve.
async fn versions(python: &Path) -> Vec<(String, String)> {
    let names = [
        ("Triton's wheel", "nvidia-pytriton"),
        ("FastAPI", "fastapi"),
        ("uvicorn", "uvicorn"),
        ("orjson", "orjson"),
        ("PyTorch", "torch"),
    ];
    let packages: Vec<&str> = names.iter().map(|(_, package)| *package).collect();
    let script = "import sys, importlib.metadata as m\nfor name in sys.argv[1:]: print(m.version(name))";
    let output =
        Command::new(python).args(["-c", script]).args(packages).output().await.expect("the versions");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    names.iter().zip(said.lines()).map(|((name, _), line)| ((*name).to_owned(), line.to_owned())).collect()
}

fn judge(table: &mut Table, groups: &[Group; 3]) {
    let of = |group: &Group, name: &str, measure: &Measure| {
        let row = group.rows.iter().find(|row| row.program == name)?;
        let (_, values) = row.figures.iter().find(|(one, _)| one.name == measure.name)?;
        Some(Figures::new(values.clone()))
    };
    let rows = [
        (&groups[0], "Lyceum", RATE, Target::AtLeast(12_000.0)),
        (&groups[0], "Lyceum", SLOWEST, Target::AtMost(3.0)),
        (&groups[1], "Lyceum", MIDDLE, Target::AtMost(0.15)),
        (&groups[0], "Triton", MORE, Target::AtLeast(3.5)),
    ];
    for (group, name, measure, target) in rows {
        if let Some(figures) = of(group, name, &measure) {
            let what = format!("{}, {name}: {}", group.name, measure.name);
            table.row(&what, &figures, measure.places, measure.unit, target);
        }
    }
}
