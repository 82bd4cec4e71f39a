//! Triton's own load generator against Lyceum, as it is: it reads the model's metadata, configuration and statistics,
//! makes up inputs, and ends with a mistake where any of these is not what Triton would answer.

use std::path::Path;

use serde_json::json;
use tokio::process::Command;

use crate::networks;
use crate::results::{Better, Group, Measure, Results};
use crate::server::Server;
use crate::serving::CONNECTIONS;

const RATE: Measure =
    Measure { name: "inferences", unit: "/s", places: 0, better: Better::More, relative: false };
const MIDDLE: Measure = Measure { name: "p50", unit: "ms", places: 2, better: Better::Less, relative: false };
const SLOWEST: Measure =
    Measure { name: "p99", unit: "ms", places: 2, better: Better::Less, relative: false };
const HOW: &str = "`perf_analyzer` of tritonclient 2.48.0 calls Lyceum's server unchanged: `perf_analyzer -m mlp -i http \
                   --concurrency-range 16`, with binary tensors and with JSON, on the same cores as the server. It \
                   synchronises its threads by itself and takes a good part of the cores.";
const WAYS: [(&str, &str, &str); 3] = [
    ("Lyceum, binary, 16 connections", "binary", "16"),
    ("Lyceum, JSON, 16 connections", "json", "16"),
    ("Lyceum, binary, 1 connection", "binary", "1"),
];

/// Runs it once and adds what it says.
async fn run(
    program: &Path,
    server: &Server,
    (name, format, connections): (&str, &str, &str),
    group: &mut Group,
) {
    let address = server.url.trim_start_matches("http://");
    let prefix = program.parent().and_then(Path::parent).expect("an environment");
    let output = Command::new(program)
        .args(["-m", "mlp", "-i", "http", "-u", address, "--concurrency-range", connections])
        .args(["--input-tensor-format", format, "--output-tensor-format", format])
        // A busy machine is never as steady as it waits for by default.
        .args(["--measurement-interval", "2000", "--stability-percentage", "50"])
        .env("LD_LIBRARY_PATH", prefix.join("libraries"))
        .output()
        .await
        .expect("perf_analyzer runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = |words: &str| -> Option<f64> {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(words))?;
        line.split_whitespace().next()?.parse().ok()
    };
    let (rate, middle, slowest) = (said("Throughput:"), said("p50 latency:"), said("p99 latency:"));
    let (true, Some(rate), Some(middle), Some(slowest)) = (output.status.success(), rate, middle, slowest)
    else {
        panic!(
            "perf_analyzer ended with {}: {text}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        );
    };
    group.add(name, RATE, rate);
    group.add(name, MIDDLE, middle / 1e3);
    group.add(name, SLOWEST, slowest / 1e3);
}

pub(crate) async fn measure(program: &Path, rounds: usize) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    server.has_dataset("mnist").await;
    let [mlp, ..] = networks::all();
    let mut job = mlp.job(1);
    job["name"] = json!("mlp");
    let id = server.submit(&job).await;
    server.events(&id).await.until_succeeded().await;
    let mut group = Group::new(&format!("The perceptron 784-128-10, {CONNECTIONS} connections and one"));
    for _ in 0..rounds {
        for way in WAYS {
            run(program, &server, way, &mut group).await;
        }
    }
    let mut results = Results::new("perf-analyzer", "Serving, by perf_analyzer", HOW);
    results.versions.insert("tritonclient".into(), "2.48.0".into());
    results.groups.push(group);
    results.end();
}
