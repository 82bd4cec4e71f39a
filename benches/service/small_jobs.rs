//! A hundred perceptrons posted at once, as a class of students does: until all have ended.

use futures::future::join_all;
use lyceum::clock::monotonic;
use serde_json::{Value, json};

use crate::server::Server;
use crate::table::{Figures, Table, Target};

const JOBS: u64 = 100;
const ROUNDS: usize = 3;

fn job(seed: u64) -> Value {
    json!({"name": "perceptron", "seed": seed, "resources": {"device": "cpu", "threads": 1}, "training": {
        "method": "supervised", "dataset": {"name": "iris", "target": "species"},
        "model": {"layers": [{"type": "dense", "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "epochs": 10}})
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    server.has_dataset("iris").await;
    server.idle_worker().await;
    let mut seconds = Vec::new();
    for round in 0..ROUNDS as u64 {
        let jobs: Vec<Value> = (0..JOBS).map(|index| job(round * JOBS + index)).collect();
        let began = monotonic();
        let ids = join_all(jobs.iter().map(|job| server.submit(job))).await;
        join_all(ids.iter().map(async |id| server.events(id).await.until_succeeded().await)).await;
        seconds.push(began.elapsed().as_secs_f64());
    }
    table.row(
        "100 perceptrons posted at once, until all are trained",
        &Figures::new(seconds),
        1,
        "s",
        Target::AtMost(15.0),
    );
}
