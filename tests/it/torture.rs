//! Workers and servers killed at random moments, while jobs of every kind in `examples/` train and clients
//! call: every job ends with the bytes of an undisturbed one. `make torture` kills a hundred workers and fifty servers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::Rng as _;
use proptest::test_runner::{RngAlgorithm, TestRng};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::world::World;
use crate::support::{alone, example, example_data};

/// An example of each kind, and for how many epochs it is trained here, or steps: about a second of work each.
const EXAMPLES: [(&str, u64); 18] = [
    ("mnist-lab-cnn", 4),
    ("iris-logistic-regression", 600),
    ("iris-two-branches", 400),
    ("few-digits", 300),
    ("mnist-resnet", 6),
    ("rates-finder", 400),
    ("wine-cross-validation", 40),
    ("perceptron", 0),
    ("mnist-cnn", 4),
    ("mnist-fully-connected", 60),
    ("images-28", 6),
    ("two-inputs", 8),
    ("multi-label", 60),
    ("diabetes-regression", 150),
    ("overfitting-dropout", 100),
    ("overfitting-early-stopping", 150),
    ("imbalance-weighted", 60),
    ("returns-logistic-regression", 60),
];
/// Of them those that a few kills are tried on.
const FEW: usize = 8;
const DIGITS: (u32, u32) = (512, 100);
/// Jobs that run or may run at any time.
const QUEUED: usize = 4;
/// A kill comes so many milliseconds behind the last one at most.
const PAUSE: u64 = 300;
const ARGUMENTS: [&str; 4] = ["--threads", "2", "--run-heartbeat-seconds", "1"];

/// What a job of an example leaves behind when nothing happens to it.
struct Undisturbed {
    body: Value,
    left: Left,
}

/// What a job left: its weights or its result, and its series with their points' steps, epochs and values.
#[derive(PartialEq)]
struct Left {
    weights: Value,
    result: Value,
    series: BTreeMap<String, Vec<Value>>,
}

/// What became of the jobs of an example.
#[derive(Default)]
struct Tally {
    jobs: u32,
    runs: u32,
    resumed: u32,
    killed: u32,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_few_kills_change_nothing() {
    let _alone = alone().await;
    Torture::begin(1, &EXAMPLES[..FEW]).await.run(10, 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "some minutes; make torture"]
async fn a_hundred_and_fifty_kills_change_nothing() {
    let seed = std::env::var("LYCEUM_TORTURE_SEED").map_or(0, |seed| seed.parse().unwrap());
    Torture::begin(seed, &EXAMPLES).await.run(100, 50).await;
}

struct Torture {
    world: World,
    random: TestRng,
    examples: &'static [(&'static str, u64)],
    undisturbed: BTreeMap<&'static str, Undisturbed>,
    /// The jobs that were accepted, with their examples.
    jobs: Vec<(String, &'static str)>,
    /// Where the callers find a server.
    address: Arc<Mutex<String>>,
    tallies: BTreeMap<&'static str, Tally>,
}

impl Torture {
    /// Trains each example once in peace, then opens a new world on the same data.
    async fn begin(seed: u64, examples: &'static [(&'static str, u64)]) -> Self {
        let mut undisturbed = BTreeMap::new();
        let mut peace = world(examples).await;
        for &(name, epochs) in examples {
            let body = body(name, epochs, seed);
            let id = peace.submit(name, &body).await;
            let job = peace.finished(&id).await;
            assert_eq!(job["status"], "succeeded", "{job:#}");
            let left = left(&mut peace, &job).await;
            // What is compared with nothing would always agree.
            assert!(left.weights.is_string() || left.result.is_object(), "{name}");
            assert_eq!(left.series.contains_key("loss"), epochs > 0, "{name}");
            undisturbed.insert(name, Undisturbed { body, left });
        }
        drop(peace);
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut world = world(examples).await;
        let address = Arc::new(Mutex::new(world.url()));
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut torture = Self {
            world,
            random,
            examples,
            undisturbed,
            jobs: Vec::new(),
            address,
            tallies: BTreeMap::new(),
        };
        torture.make_what_others_begin_with().await;
        torture
    }

    /// A model whose weights the job of another example takes has to be there when that is posted.
    async fn make_what_others_begin_with(&mut self) {
        let (name, _) = self.examples[0];
        let id = self.world.submit("first", &self.undisturbed[name].body).await;
        self.world.finished(&id).await;
        self.jobs.push((id, name));
    }

    async fn run(mut self, workers: u32, servers: u32) {
        let callers: Vec<_> =
            (0..2).map(|_| tokio::spawn(call(self.world.client.clone(), self.address.clone()))).collect();
        let (mut workers_left, mut servers_left) = (workers, servers);
        while workers_left + servers_left > 0 {
            self.fill_queue().await;
            tokio::time::sleep(Duration::from_millis(u64::from(self.random.next_u32()) % PAUSE)).await;
            if self.random.next_u32() % (workers_left + servers_left) < servers_left {
                self.world.kill_server();
                *self.address.lock().unwrap() = self.world.url();
                servers_left -= 1;
            } else if self.kill_worker().await {
                workers_left -= 1;
            }
        }
        self.check_all().await;
        assert!(callers.iter().all(|caller| !caller.is_finished()), "a caller was answered badly");
        for caller in callers {
            caller.abort();
        }
        self.print(workers, servers);
    }

    /// Posts jobs, of every example in turn, until enough of them run or may run. One that was killed often waits long
    /// for its retry.
    async fn fill_queue(&mut self) {
        let waiting = self.world.get("/v1/jobs?status=queued,running&limit=1000").await;
        for _ in waiting["data"].as_array().unwrap().len()..QUEUED {
            let (name, _) = self.examples[self.jobs.len() % self.examples.len()];
            let id = self.world.submit(&self.jobs.len().to_string(), &self.undisturbed[name].body).await;
            self.jobs.push((id, name));
        }
    }

    /// Kills one of the workers that run, if any does; none of them may run the job of another.
    async fn kill_worker(&mut self) -> bool {
        let jobs = self.running_jobs().await;
        let different: BTreeSet<&String> = jobs.values().collect();
        assert_eq!(different.len(), jobs.len(), "a job is run twice at once: {jobs:?}");
        let unlucky = jobs.iter().nth(self.random.next_u32() as usize % jobs.len().max(1));
        let Some((pid, job)) = unlucky else { return false };
        let killed = kill_process(Pid::from_raw(*pid).unwrap(), Signal::KILL).is_ok();
        if let Some((_, name)) = self.jobs.iter().find(|(id, _)| id == job) {
            self.tallies.entry(name).or_default().killed += u32::from(killed);
        }
        killed
    }

    /// The workers that run, and whose jobs. One that waits for its next run still has the log of its last.
    async fn running_jobs(&mut self) -> BTreeMap<i32, String> {
        let before = self.world.running();
        let jobs = self.world.get("/v1/jobs?limit=1000").await;
        let still = self.world.running();
        let mut of_run = BTreeMap::new();
        for job in jobs["data"].as_array().unwrap() {
            let open = job["runs"].as_array().unwrap().iter().filter(|run| run["finished_at"].is_null());
            of_run.extend(
                open.map(|run| (run["id"].as_str().unwrap(), job["id"].as_str().unwrap().to_owned())),
            );
        }
        let both = before.into_iter().filter(|(pid, run)| still.get(pid) == Some(run));
        both.filter_map(|(pid, run)| Some((pid, of_run.get(run.as_str())?.clone()))).collect()
    }

    /// Every job that was accepted is there, has succeeded, and left what an undisturbed one leaves.
    async fn check_all(&mut self) {
        for (id, name) in self.jobs.clone() {
            let job = self.world.finished(&id).await;
            assert_eq!(job["status"], "succeeded", "{name}: {job:#}");
            let (left, expected) = (left(&mut self.world, &job).await, &self.undisturbed[name].left);
            assert_eq!(left.weights, expected.weights, "{name}: other weights: {job:#}");
            assert_eq!(left.result, expected.result, "{name}: {job:#}");
            assert!(left.series == expected.series, "{name}: other points: {job:#}");
            let runs = job["runs"].as_array().unwrap();
            assert!(never_two_at_once(runs), "{name}: {job:#}");
            let tally = self.tallies.entry(name).or_default();
            tally.jobs += 1;
            tally.runs += runs.len() as u32;
            tally.resumed += runs.iter().filter(|run| run["from_step"].as_u64() > Some(0)).count() as u32;
        }
        for (name, tally) in &self.tallies {
            if self.undisturbed[name].left.weights.is_null() {
                continue;
            }
            let model = self.world.get(&format!("/v1/models/{name}")).await;
            let versions = model["versions"].as_array().unwrap().len();
            assert_eq!(versions, tally.jobs as usize, "{name}: one version a success");
        }
        assert_eq!(self.running_jobs().await, BTreeMap::new());
    }

    fn print(&self, workers: u32, servers: u32) {
        println!("{workers} workers and {servers} servers killed");
        println!(
            "{:28}{:>6}{:>6}{:>9}{:>9}  weights and points",
            "example", "jobs", "runs", "killed", "resumed"
        );
        for (name, Tally { jobs, runs, resumed, killed }) in &self.tallies {
            println!("{name:28}{jobs:>6}{runs:>6}{killed:>9}{resumed:>9}  equal");
        }
    }
}

/// A world with the data of the examples in it.
async fn world(examples: &[(&str, u64)]) -> World {
    let mut world = World::new("", &ARGUMENTS);
    let names: BTreeSet<String> = examples
        .iter()
        .map(|(name, epochs)| {
            body(name, *epochs, 0)["training"]["dataset"]["name"].as_str().unwrap().to_owned()
        })
        .collect();
    for name in names {
        let (format, bytes) = example_data(&name, DIGITS);
        world.upload(&name, format, bytes).await;
    }
    world
}

/// An example that takes about a second, on one thread, which gives the same bits wherever it runs.
fn body(name: &str, epochs: u64, seed: u64) -> Value {
    let mut body = example(name);
    let training = &mut body["training"];
    let length = if training["method"] == "learning_rate_finder" { "steps" } else { "epochs" };
    training[length] = json!(epochs);
    if training["dataset"]["name"] == "<dataset>" {
        training["dataset"]["name"] = json!("mnist");
    }
    // Every death counts, and a job may die often here.
    body["max_attempts"] = json!(1_000);
    body["seed"] = json!(seed);
    body["resources"] = json!({"device": "cpu", "threads": 1, "memory_mb": 1_024});
    body
}

async fn left(world: &mut World, job: &Value) -> Left {
    let weights = match (job["model"]["name"].as_str(), &job["model"]["version"]) {
        (Some(name), version) => {
            world.get(&format!("/v1/models/{name}/versions/{version}")).await["sha256"].clone()
        }
        (None, _) => Value::Null,
    };
    let id = job["id"].as_str().unwrap();
    let series = world.get(&format!("/v1/jobs/{id}/metrics?max_points=10000")).await;
    let series = series["data"].as_array().unwrap().iter().map(|series| {
        let points = series["points"].as_array().unwrap().iter();
        let points = points.map(|point| json!([point[0], point[1], point[3]])).collect();
        (series["name"].as_str().unwrap().to_owned(), points)
    });
    Left { weights, result: job["result"].clone(), series: series.collect() }
}

fn never_two_at_once(runs: &[Value]) -> bool {
    runs.windows(2).all(|two| {
        let ended = two[0]["finished_at"].as_str().unwrap();
        two[1]["started_at"].as_str().is_none_or(|started| ended <= started)
    })
}

/// Reads and predicts for as long as it is let, whatever becomes of the servers. What is answered is no failure of the
/// server's own.
async fn call(client: reqwest::Client, address: Arc<Mutex<String>>) {
    let rows = json!({"inputs": [{"x1": -1, "x2": 2}]});
    loop {
        let url = address.lock().unwrap().clone();
        let asked = [
            client.get(format!("{url}/v1/jobs?limit=20")),
            client.get(format!("{url}/v1/events?limit=50")).header("accept", "application/json"),
            client.get(format!("{url}/metrics")),
            client.post(format!("{url}/v1/models/perceptron/predict")).json(&rows),
        ];
        for request in asked {
            if let Ok(answer) = request.timeout(Duration::from_secs(2)).send().await {
                let status = answer.status().as_u16();
                assert!(status < 500 || status == 503, "{status}");
            }
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
