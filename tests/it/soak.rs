//! A server under everything at once for a long time: jobs, streams, predictions, workers killed. What it holds at the
//! end is what it held when it had just begun. `make soak`; `LYCEUM_SOAK_MINUTES` says for how long.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::world::World;
use crate::support::{example, example_data};

const EXAMPLES: [(&str, u64); 4] = [
    ("iris-logistic-regression", 200),
    ("iris-two-branches", 100),
    ("mnist-fully-connected", 10),
    ("mnist-lab-cnn", 1),
];
const DIGITS: (u32, u32) = (512, 100);
/// Jobs that are not finished, and finished ones that are kept.
const JOBS: (usize, usize) = (4, 20);
/// Looks, two a second, between the deaths of two workers: most jobs come to their ends by themselves.
const KILLED_EVERY: usize = 16;
const STREAMS: usize = 8;
const CALLERS: usize = 2;

/// What a server holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    megabytes: f64,
    descriptors: usize,
    threads: usize,
    disk_megabytes: f64,
}

impl Held {
    fn of(world: &World) -> Self {
        let process = format!("/proc/{}", world.server_pid());
        let count = |what: &str| std::fs::read_dir(format!("{process}/{what}")).unwrap().count();
        let status = std::fs::read_to_string(format!("{process}/status")).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let kilobytes: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
        Self {
            megabytes: kilobytes / 1e3,
            descriptors: count("fd"),
            threads: count("task"),
            disk_megabytes: bytes(&world.data()) as f64 / 1e6,
        }
    }
}

/// Bytes of the files in a folder, of which some may go meanwhile.
fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.filter_map(Result::ok).map(of).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "twenty minutes; make soak"]
async fn nothing_grows() {
    let minutes: u64 = std::env::var("LYCEUM_SOAK_MINUTES").map_or(20, |text| text.parse().unwrap());
    let whole = Duration::from_mins(minutes);
    let mut world = World::new("", &["--threads", "2", "--run-heartbeat-seconds", "1"]);
    for name in ["iris", "mnist"] {
        let (format, bytes) = example_data(name, DIGITS);
        world.upload(name, format, bytes).await;
    }
    let calls = Arc::new(AtomicU64::new(0));
    let mut around: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(predict(world.client.clone(), world.url(), calls.clone())))
        .collect();
    around
        .extend((0..STREAMS).map(|_| tokio::spawn(listen(world.client.clone(), world.url(), calls.clone()))));

    // As long as less is there than is kept, the folder fills.
    let mut posted = 0;
    while posted < EXAMPLES.len() * (JOBS.1 + 1) {
        posted = keep_busy(&mut world, posted).await;
        tidy(&mut world).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let begun = Instant::now();
    let (full, mut killed, mut samples) = (posted, 0, Vec::<(Duration, Held)>::new());
    while begun.elapsed() < whole {
        posted = keep_busy(&mut world, posted).await;
        if samples.len() % KILLED_EVERY == KILLED_EVERY - 1
            && let Some((pid, _)) = world.running().pop_first()
        {
            killed += u32::from(kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL).is_ok());
        }
        tidy(&mut world).await;
        samples.push((begun.elapsed(), Held::of(&world)));
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    assert!(around.iter().all(|task| !task.is_finished()), "a caller was answered badly");
    for task in around {
        task.abort();
    }
    let between = |from: f64, to: f64| {
        let chosen = samples.iter().filter(|(at, _)| *at >= whole.mul_f64(from) && *at < whole.mul_f64(to));
        highest(chosen.map(|(_, held)| *held))
    };
    // What the kept jobs hold depends on which they happen to be, so that only the highest of a long while tells.
    let (early, late) = (between(0.1, 0.35), between(0.75, 1.1));
    assert!(posted > full + 2 * JOBS.0, "{posted} jobs were posted: they do not come to their ends");
    println!("{posted} jobs posted, {killed} workers killed, {} calls", calls.load(Ordering::Relaxed));
    println!("early: {early:?}\nlate:  {late:?}");
    assert!(late.megabytes < early.megabytes * 1.1 + 10.0, "memory grows");
    assert!(late.descriptors < early.descriptors + 16, "descriptors are left open");
    assert!(late.threads < early.threads + 8, "threads are left behind");
    assert!(late.disk_megabytes < early.disk_megabytes * 1.1 + 10.0, "the disk fills up");
}

/// The most of each that was held.
fn highest(held: impl Iterator<Item = Held>) -> Held {
    held.reduce(|one, other| Held {
        megabytes: one.megabytes.max(other.megabytes),
        descriptors: one.descriptors.max(other.descriptors),
        threads: one.threads.max(other.threads),
        disk_megabytes: one.disk_megabytes.max(other.disk_megabytes),
    })
    .unwrap()
}

/// Posts jobs until enough of them are not finished; how many were posted by now.
async fn keep_busy(world: &mut World, mut posted: usize) -> usize {
    let waiting = world.get("/v1/jobs?status=queued,running,retrying&limit=100").await;
    for _ in waiting["data"].as_array().unwrap().len()..JOBS.0 {
        let (name, epochs) = EXAMPLES[posted % EXAMPLES.len()];
        let mut body = example(name);
        body["training"]["epochs"] = json!(epochs);
        body["max_attempts"] = json!(100);
        body["resources"] = json!({"device": "cpu", "memory_mb": 1_024});
        world.submit(&posted.to_string(), &body).await;
        posted += 1;
    }
    posted
}

/// Deletes finished jobs but for the newest, and the model versions but for the latest, as a user does that keeps a
/// disk tidy.
async fn tidy(world: &mut World) {
    let finished = world.get("/v1/jobs?status=succeeded,failed,cancelled&limit=1000").await;
    for job in finished["data"].as_array().unwrap().iter().skip(JOBS.1) {
        assert_eq!(job["status"], "succeeded", "{job:#}");
        world.delete(&format!("/v1/jobs/{}", job["id"].as_str().unwrap())).await;
    }
    let models = world.get("/v1/models").await;
    for model in models["data"].as_array().unwrap() {
        let versions = model["versions"].as_array().unwrap();
        let mut numbers: Vec<u64> = versions.iter().filter_map(Value::as_u64).collect();
        assert_eq!(numbers.len(), versions.len(), "{model:#}");
        numbers.sort_unstable();
        for number in numbers.iter().rev().skip(JOBS.1) {
            world.delete(&format!("/v1/models/{}/versions/{number}", model["name"].as_str().unwrap())).await;
        }
    }
}

/// Predicts again and again.
async fn predict(client: reqwest::Client, url: String, calls: Arc<AtomicU64>) {
    let flower =
        json!({"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2});
    let body: Value = json!({"inputs": [flower]});
    loop {
        let request = client.post(format!("{url}/v1/models/iris-logistic-regression/predict")).json(&body);
        let status = request.send().await.unwrap().status().as_u16();
        assert!(status == 200 || status == 404 || status == 429 || status == 503, "{status}");
        calls.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Opens a stream of everything, reads some of it and goes away.
async fn listen(client: reqwest::Client, url: String, calls: Arc<AtomicU64>) {
    loop {
        let request = client.get(format!("{url}/v1/events")).header("accept", "text/event-stream");
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.status());
        let mut pieces = answer.bytes_stream();
        for _ in 0..50 {
            if !matches!(pieces.next().await, Some(Ok(_))) {
                break;
            }
        }
        calls.fetch_add(1, Ordering::Relaxed);
    }
}
