//! What the service around the training loop costs it: the same training posted as a job, with its reports, metrics
//! and checkpoints, and in a process of its own without any of them, in turns.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::process::Command;

use crate::bare;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const ROUNDS: usize = 9;

/// One network and how long it is trained, so that a round takes a few seconds.
struct Case {
    name: &'static str,
    layers: Value,
    optimizer: Value,
    epochs: u64,
}

fn cases() -> [Case; 2] {
    [
        Case {
            name: "MLP 784-128-10",
            layers: json!([
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "units": 10, "activation": "softmax"}]),
            optimizer: json!({"type": "sgd", "learning_rate": 0.1}),
            epochs: 4,
        },
        Case {
            name: "CNN 24-36-128",
            layers: json!([
                {"type": "conv2d", "filters": 24, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "conv2d", "filters": 36, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "units": 10, "activation": "softmax"}]),
            optimizer: json!({"type": "adam", "learning_rate": 0.001}),
            epochs: 2,
        },
    ]
}

/// The job as it is posted; the bare loop leaves out what a user asks of the service.
fn body(case: &Case, bare: bool) -> Value {
    let split = if case.epochs == 2 { "test" } else { "train" };
    let mut body = json!({"name": "overhead", "seed": 7, "resources": {"device": "cpu", "threads": 1},
        "training": {
            "method": "supervised", "dataset": {"name": "mnist", "target": "label", "split": split},
            "model": {"layers": case.layers}, "loss": "categorical_cross_entropy",
            "optimizer": case.optimizer, "metrics": ["accuracy"], "batch_size": 64, "epochs": case.epochs}});
    if bare {
        body["report"] = json!({"every_steps": 1_000_000});
        body["checkpoint"] = json!({"every_epochs": 1_000_000});
    }
    body
}

/// Seconds of a step of a job, by the times of its first and last point.
async fn served(server: &Server, body: &Value) -> f64 {
    let id = server.submit(body).await;
    server.events(&id).await.until_succeeded().await;
    let series = server.get(&format!("/v1/jobs/{id}/metrics?name=step_loss&max_points=10000")).await;
    let points = series["data"][0]["points"].as_array().expect("points");
    let (first, last) = (&points[0], &points[points.len() - 1]);
    let steps = last[0].as_u64().expect("a step") - first[0].as_u64().expect("a step");
    (seconds(&last[2]) - seconds(&first[2])) / steps as f64
}

fn seconds(time: &Value) -> f64 {
    let time = OffsetDateTime::parse(time.as_str().expect("a time"), &Rfc3339).expect("a time");
    time.unix_timestamp_nanos() as f64 / 1e9
}

/// Seconds of a step of the loop by itself, in a process set up as a worker is.
async fn alone(spec: &Path, dataset: &Path) -> f64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .arg(bare::WORD)
        .args([spec, dataset])
        .env("OMP_NUM_THREADS", "1")
        .env("MKL_NUM_THREADS", "1")
        .env("OMP_WAIT_POLICY", "passive")
        .env("MALLOC_TRIM_THRESHOLD_", "1073741824")
        .env("MALLOC_MMAP_THRESHOLD_", "33554432")
        .output()
        .await
        .expect("the loop runs");
    let text = String::from_utf8_lossy(&output.stdout);
    text.trim().parse().unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

/// The greatest set in the artifacts, which is MNIST.
fn mnist(data: &Path) -> PathBuf {
    let sets = std::fs::read_dir(data.join("artifacts/datasets")).expect("data sets").filter_map(Result::ok);
    let size = |set: &PathBuf| std::fs::metadata(set.join("cells.bin")).map_or(0, |cells| cells.len());
    sets.map(|set| set.path()).max_by_key(size).expect("a data set")
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &[]).await;
    server.has_dataset("mnist").await;
    let dataset = mnist(folder.path());
    let spec = folder.path().join("bare.json");
    for case in cases() {
        std::fs::write(&spec, body(&case, true).to_string()).expect("a spec");
        let (mut ratios, mut steps) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // The order changes, so that neither has the better of a machine that grows busy.
            let (job, loop_) = if round % 2 == 0 {
                let job = served(&server, &body(&case, false)).await;
                (job, alone(&spec, &dataset).await)
            } else {
                let loop_ = alone(&spec, &dataset).await;
                (served(&server, &body(&case, false)).await, loop_)
            };
            ratios.push((job / loop_ - 1.0) * 100.0);
            steps.push(loop_ * 1e6);
        }
        let name = format!("through the service against the bare loop, {}", case.name);
        table.row(&name, &Figures::new(ratios), 1, "%", Target::AtMost(3.0));
        table.note(&format!("  a step of the bare loop, {}", case.name), &Figures::new(steps), 0, "µs");
    }
}
