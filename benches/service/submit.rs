//! Jobs that are checked and stored in a second, from clients that each post one behind the other.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::load::{Request, ask};
use crate::server::{Server, signal};
use crate::table::{Figures, Table, Target};

const CLIENTS: usize = 16;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(2);

fn job(dataset: &Value, units: u32) -> Value {
    json!({"name": "submit", "resources": {"device": "cpu"}, "training": {
        "method": "supervised", "dataset": dataset,
        "model": {"layers": [
            {"type": "flatten"},
            {"type": "dense", "units": 128, "activation": "relu"},
            {"type": "dense", "units": units, "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "optimizer": "adam", "metrics": ["accuracy"],
        "batch_size": 64, "epochs": 1_000_000}})
}

/// Jobs a second.
async fn submit(server: &Server, body: &str) -> f64 {
    let answers = ask(&Request::post(&server.url, "/v1/jobs", body), CLIENTS, ROUND).await;
    assert!(answers.iter().all(|answer| answer.status == 202), "a job was refused");
    answers.len() as f64 / ROUND.as_secs_f64()
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let limits =
        ["--idle-workers", "0", "--threads", "1", "--run-lease-seconds", "3600", "--queue", "1000000"];
    let server = Server::start(folder.path(), &limits).await;
    server.has_dataset("mnist").await;
    let iris = job(&json!({"name": "iris", "target": "species"}), 3);
    let mnist = job(&json!({"name": "mnist", "target": "label", "validation": {"fraction": 0.1}}), 10);
    // The first job takes the only place and is then halted, so that nothing but the posting is measured.
    let first = server.submit(&iris).await;
    server.events(&first).await.until("step_loss").await;
    server.workers().into_iter().for_each(|pid| signal(pid, Signal::STOP));

    let (iris, mnist) = (iris.to_string(), mnist.to_string());
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        small.push(submit(&server, &iris).await);
        large.push(submit(&server, &mnist).await);
    }
    let (small, large) = (Figures::new(small), Figures::new(large));
    table.row("jobs posted by 16 clients, 150 examples", &small, 0, "/s", Target::AtLeast(2_000.0));
    table.row("jobs posted by 16 clients, 70,000 images", &large, 0, "/s", Target::AtLeast(2_000.0));
}
