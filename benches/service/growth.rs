//! What things cost as they grow: steps with the network, epochs with the examples, postings with the queue, reads with
//! the series, streams with their number, inferences.

use std::fmt::Write as _;
use std::time::Duration;

use futures::future::join_all;
use lyceum::clock::monotonic;
use lyceum::jobs::DataFolder;
use lyceum::store::Store;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::results::{Curve, Results};
use crate::served::step_seconds;
use crate::server::{Server, signal};
use crate::{digits, growth_serving, metrics, queue, streams};

const HOW: &str = "What things cost as they grow, measured through the service by `make bench ARGS=growth`. Every point is the \
                   median of the rounds.";
/// Rounds of what a job measures, and of what a request does.
const JOBS: usize = 3;
const REQUESTS: usize = 31;

pub(crate) async fn measure() {
    let mut results = Results::new("growth", "Cost as a function of size", HOW);
    results.curves.extend(steps().await);
    results.curves.push(epochs().await);
    results.curves.push(submissions().await);
    results.curves.push(reads().await);
    results.curves.extend(open_streams().await);
    results.curves.extend(growth_serving::measure().await);
    results.end();
}

/// A step of perceptrons over width, with one hidden layer, and over depth, each of 128 units.
async fn steps() -> [Curve; 2] {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    let dataset = digits::upload(&server, 12_800).await;
    let milliseconds = async |hidden: Vec<u64>| -> f64 {
        let dense = |units: &u64| json!({"type": "dense", "units": units, "activation": "relu"});
        let mut layers = vec![json!({"type": "flatten"})];
        layers.extend(hidden.iter().map(dense));
        layers.push(json!({"type": "dense", "units": 10, "activation": "softmax"}));
        let body = json!({"name": "growth", "seed": 7, "resources": {"device": "cpu", "threads": 1}, "training": {
            "method": "supervised", "dataset": {"name": dataset, "target": "label"}, "model": {"layers": layers},
            "loss": "categorical_cross_entropy", "batch_size": 64, "epochs": 1}});
        step_seconds(&server, &body).await * 1e3
    };
    let mut width = Curve::new("Step against width", "units of the hidden layer", "step, ms", 3);
    let mut depth = Curve::new("Step against depth", "hidden layers of 128 units", "step, ms", 3);
    for _ in 0..JOBS {
        for units in [16, 64, 256, 1_024, 4_096] {
            width.add(units as f64, milliseconds(vec![units]).await);
        }
        for layers in [1, 2, 4, 8, 16, 32] {
            depth.add(layers as f64, milliseconds(vec![128; layers]).await);
        }
    }
    [width, depth]
}

/// Ten numbers and a class that follows from them, as CSV.
fn rows(examples: usize) -> String {
    let mut text = "x0,x1,x2,x3,x4,x5,x6,x7,x8,x9,y\n".to_owned();
    let mut state = 1_u64;
    for _ in 0..examples {
        let mut sum = 0;
        for _ in 0..10 {
            // Knuth's generator.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let number = (state >> 33) % 2_000;
            sum += number;
            let _ = write!(text, "{}.{:03},", number / 1_000, number % 1_000);
        }
        text.push_str(if sum > 10_000 { "many\n" } else { "few\n" });
    }
    text
}

/// The second of two epochs of a perceptron over a table, by its number of examples.
async fn epochs() -> Curve {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    let mut curve = Curve::new("Epoch against examples", "examples", "epoch, s", 3);
    for examples in [1_000, 10_000, 100_000, 1_000_000] {
        let url = format!("{}/v1/datasets?name=table-{examples}&format=csv", server.url);
        let request = server.client.post(url).header("content-type", "text/csv").body(rows(examples));
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{:?}", answer.text().await);
        let body = json!({"name": "growth", "seed": 7, "resources": {"device": "cpu", "threads": 1}, "training": {
            "method": "supervised", "dataset": {"name": format!("table-{examples}"), "target": "y"},
            "model": {"layers": [
                {"type": "dense", "units": 32, "activation": "relu"},
                {"type": "dense", "units": 2, "activation": "softmax"}]},
            "loss": "categorical_cross_entropy", "batch_size": 100, "epochs": 2}});
        for _ in 0..JOBS {
            curve.add(examples as f64, step_seconds(&server, &body).await * (examples / 100) as f64);
        }
    }
    curve
}

/// A posting, by the jobs that wait already.
async fn submissions() -> Curve {
    let mut curve = Curve::new("Submission against queue length", "jobs that wait", "posting, ms", 2);
    for jobs in [0, 1_000, 10_000, 100_000] {
        let folder = crate::folder();
        let server = Server::start(folder.path(), &queue::LIMITS).await;
        server.has_dataset("iris").await;
        server.abandon().await;
        let database = DataFolder::open(folder.path()).expect("the folder").database();
        queue::fill(&database, jobs).await;
        let server = Server::start(folder.path(), &queue::LIMITS).await;
        // The first takes the only place and is halted, so that nothing but the posting is measured.
        server.submit(&queue::body()).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let workers = server.workers();
        for pid in workers {
            signal(pid, Signal::STOP);
        }
        for _ in 0..REQUESTS {
            let began = monotonic();
            server.submit(&queue::body()).await;
            curve.add(jobs as f64, began.elapsed().as_secs_f64() * 1e3);
        }
    }
    curve
}

/// A series read as a thousand points, by how many it has.
async fn reads() -> Curve {
    let mut curve = Curve::new("Read against series length", "points of the series", "read as 1,000, ms", 2);
    for points in [1_000, 10_000, 100_000, 1_000_000] {
        let folder = crate::folder();
        let data = DataFolder::open(folder.path()).expect("a data folder");
        let store = Store::open(&data.database()).await.expect("a store");
        let job = metrics::store(&store, points, &mut Vec::new()).await;
        store.close().await;
        drop(data);
        let server = Server::start(folder.path(), &["--idle-workers", "0"]).await;
        server.has_dataset("mnist").await;
        let path = format!("/v1/jobs/{job}/metrics?max_points=1000");
        for _ in 0..REQUESTS {
            let began = monotonic();
            let series: Value = server.get(&path).await;
            curve.add(points as f64, began.elapsed().as_secs_f64() * 1e3);
            assert!(series["data"][0]["points"].is_array(), "{series}");
        }
    }
    curve
}

/// What open streams add to the server's memory, and how long a short job takes while they are told of it.
async fn open_streams() -> [Curve; 2] {
    let mut memory = Curve::new("Memory against streams", "open streams", "more memory, MB", 1);
    let mut time = Curve::new("A short job against streams", "open streams that are read", "job, ms", 0);
    for count in [1, 10, 100, 1_000] {
        let folder = crate::folder();
        let server = Server::start(folder.path(), &["--threads", "2"]).await;
        server.has_dataset("iris").await;
        server.idle_worker().await;
        let (before, _) = server.memory();
        let open = streams::open(&server, count).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        memory.add(count as f64, server.memory().0 - before);
        let readers: Vec<_> = open.into_iter().map(|stream| tokio::spawn(streams::read_on(stream))).collect();
        let body = json!({"name": "short", "seed": 1, "resources": {"device": "cpu"}, "training": {
            "method": "supervised", "dataset": {"name": "iris", "target": "species"},
            "model": {"layers": [{"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy", "epochs": 10}});
        for _ in 0..JOBS {
            let began = monotonic();
            let id = server.submit(&body).await;
            server.events(&id).await.until_succeeded().await;
            time.add(count as f64, began.elapsed().as_secs_f64() * 1e3);
            server.idle_worker().await;
        }
        readers.iter().for_each(tokio::task::JoinHandle::abort);
        join_all(readers).await;
    }
    [memory, time]
}
