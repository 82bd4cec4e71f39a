//! What the service around the training loop costs it: the same training posted as a job, with its reports, metrics
//! and checkpoints, and in a process of its own without any of them, in turns.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;

use crate::bare;
use crate::networks;
use crate::served::step_seconds;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const ROUNDS: usize = 9;

/// The job without what the service adds to it.
fn bare(mut job: Value) -> Value {
    job["report"] = json!({"every_steps": 0});
    job["checkpoint"] = json!({"every_epochs": 1_000_000});
    job
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

/// The greatest set among the artifacts, which is MNIST.
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
    let [mlp, cnn, _] = networks::all();
    for network in [mlp, cnn] {
        let job = network.job(1);
        std::fs::write(&spec, bare(job.clone()).to_string()).expect("a spec");
        let (mut slower, mut steps) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            // The order changes, so that neither has the better of a machine that grows busy.
            let (served, alone) = if round % 2 == 0 {
                let served = step_seconds(&server, &job).await;
                (served, alone(&spec, &dataset).await)
            } else {
                let alone = alone(&spec, &dataset).await;
                (step_seconds(&server, &job).await, alone)
            };
            slower.push((served / alone - 1.0) * 100.0);
            steps.push(alone * 1e6);
        }
        let name = format!("slower than the bare loop, {}", network.name);
        table.row(&name, &Figures::new(slower), 1, "%", Target::AtMost(3.0));
        table.note("  a step of the bare loop", &Figures::new(steps), 0, "µs");
    }
}
