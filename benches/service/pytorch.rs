//! A training step against PyTorch's: the same network as a job and as the script that a PyTorch user would write, in
//! turns, on one thread and on two.

use std::path::Path;

use tokio::process::Command;

use crate::networks::{self, Network};
use crate::served::step_seconds;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const ROUNDS: usize = 5;

/// Seconds of a step of the script.
async fn script(python: &Path, network: &Network, threads: u32) -> f64 {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/train.py");
    // A session of its own, as a worker has: the system shares a busy machine out by session.
    let output = Command::new("setsid")
        .arg("--wait")
        .arg(python)
        .arg(program)
        .arg(network.word)
        .args(["--part", network.part])
        .args(["--threads", &threads.to_string(), "--epochs", &network.epochs.to_string()])
        .output()
        .await
        .expect("the script runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("seconds")
}

pub(crate) async fn measure(table: &mut Table, python: &Path) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    server.has_dataset("mnist").await;
    for (network, target) in networks::all().iter().zip([1.2, 1.5]) {
        for threads in [1, 2] {
            let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
            for _ in 0..ROUNDS {
                ours.push(step_seconds(&server, &network.job(threads)).await * 1e6);
                theirs.push(script(python, network, threads).await * 1e6);
                ratios.push(theirs[theirs.len() - 1] / ours[ours.len() - 1]);
            }
            let name = format!("faster than PyTorch, {}, threads: {threads}", network.name);
            table.row(&name, &Figures::new(ratios), 2, "×", Target::AtLeast(target));
            table.note("  a step of a job", &Figures::new(ours), 0, "µs");
            table.note("  a step of the script", &Figures::new(theirs), 0, "µs");
        }
    }
}
