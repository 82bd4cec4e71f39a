//! The job of the demonstration.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::client::Client;
use crate::cli::jobs::{self, Job};
use crate::cli::watch::{View, watch};
use crate::cli::{Exit, output};

/// The name of the job and of its model.
pub(super) const NAME: &str = "mnist-demo";

const UNFINISHED: &str = "queued,running,paused,retrying";
const PATIENCE: u32 = 50;
const BETWEEN: Duration = Duration::from_millis(100);

/// A network with one hidden layer; the falling learning rate takes it well beyond 0.975.
fn spec() -> Value {
    let threads = std::thread::available_parallelism().map_or(1, |cores| cores.get().min(4));
    json!({
        "name": NAME,
        "training": {
            "method": "supervised",
            "dataset": {"name": "mnist", "input": "image", "target": "label"},
            "model": {"layers": [
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "units": 10, "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": {"type": "cosine", "initial_learning_rate": 0.002}},
            "metrics": ["accuracy"],
            "batch_size": 128, "epochs": 8
        },
        "seed": 7,
        "resources": {"threads": threads}
    })
}

/// Trains the network and shows it live.
pub(super) async fn train(client: &Client) -> Result<(), Exit> {
    let job: Job = client.read(client.post(&["v1", "jobs"], spec().to_string().into_bytes()).await?)?;
    output::line(format_args!("{} trains 784-128-10 on 60,000 images of digits (job {})", job.name, job.id))?;
    jobs::conclude(client, watch(client, &job.id, View::live()).await?)
}

/// Cancels what an interrupted demonstration leaves to do, and waits until it has ended.
pub(super) async fn cancel_unfinished(client: &Client) {
    for round in 0..PATIENCE {
        let query = [("name", NAME), ("status", UNFINISHED)];
        let jobs = match client.list(&["v1", "jobs"], &query, usize::MAX).await {
            Ok(jobs) if !jobs.is_empty() => jobs,
            _ => return,
        };
        if round == 0 {
            for id in jobs.iter().filter_map(|job| job["id"].as_str()) {
                // One that ends in this moment refuses.
                let _ = client.post(&["v1", "jobs", id, "cancel"], Vec::new()).await;
            }
        }
        tokio::time::sleep(BETWEEN).await;
    }
}
