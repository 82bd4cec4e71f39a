//! A minute of ten times what a server can do, while a job trains: what is served keeps its latency, and the rest is told
//! to come again.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Answer, Request, ask};
use crate::server::Server;
use crate::table::{Figures, Table, Target};

/// Clients that keep the server busy; ten times as many are too much for it.
const BUSY: usize = 16;
const TOO_MANY: usize = 10 * BUSY;

const WARM: Duration = Duration::from_secs(2);
const IDLE: Duration = Duration::from_secs(10);
const MINUTE: Duration = Duration::from_mins(1);

fn job(epochs: u64) -> Value {
    json!({"name": "iris", "resources": {"device": "cpu"}, "training": {
        "method": "supervised", "dataset": {"name": "iris", "target": "species"},
        "model": {"layers": [{"type": "dense", "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "epochs": epochs}})
}

/// The step of a job, once the server has room to say it.
async fn step(server: &Server, job: &str) -> f64 {
    let url = format!("{}/v1/jobs/{job}", server.url);
    loop {
        let answer = server.client.get(&url).send().await.expect("an answer");
        if answer.status().is_success() {
            let job: Value = answer.json().await.expect("JSON");
            return job["progress"]["step"].as_f64().expect("a step");
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Milliseconds that served answers took: the 99th of a hundred.
fn p99(answers: &[Answer]) -> f64 {
    let mut served: Vec<f64> =
        answers.iter().filter(|answer| answer.status < 300).map(|answer| answer.seconds * 1e3).collect();
    served.sort_by(f64::total_cmp);
    served.get(served.len() * 99 / 100).copied().unwrap_or(f64::INFINITY)
}

/// Answers a second that served.
fn rate(answers: &[Answer], time: Duration) -> f64 {
    answers.iter().filter(|answer| answer.status < 300).count() as f64 / time.as_secs_f64()
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &[]).await;
    server.has_dataset("iris").await;
    let first = server.submit(&job(1)).await;
    server.events(&first).await.until_succeeded().await;
    let training = server.submit(&job(1_000_000)).await;
    server.events(&training).await.until("event: metrics").await;
    let row = json!([5.1, 3.5, 1.4, 0.2]);
    for (name, rows) in [("1,000 rows", 1_000), ("20,000 rows", 20_000)] {
        let body = json!({"inputs": vec![row.clone(); rows]}).to_string();
        let request = Request::post(&server.url, "/v1/models/iris/predict", &body);
        overload(table, &server, &training, &request, name).await;
    }
}

async fn overload(table: &mut Table, server: &Server, training: &str, request: &Request, name: &str) {
    let one = |figure: f64| Figures::new(vec![figure]);
    ask(request, 1, WARM).await;
    let idle = ask(request, 1, IDLE).await;
    let busy = ask(request, BUSY, IDLE).await;
    let before = step(server, training).await;
    let health = Request::get(&server.url, "/healthz");
    let (over, health) = futures::join!(ask(request, TOO_MANY, MINUTE), ask(&health, 1, MINUTE));
    let trained = step(server, training).await - before;
    let served = rate(&over, MINUTE);
    let told = |answer: &&Answer| matches!(answer.status, 429 | 503) && answer.retry_after;
    let refused = over.iter().filter(told).count() as f64 / MINUTE.as_secs_f64();
    let others = over.iter().filter(|answer| answer.status >= 300 && !told(answer)).count();
    table.note(&format!("{name}: p99 of one client"), &one(p99(&idle)), 1, "ms");
    table.note(&format!("  p99 of {BUSY} clients"), &one(p99(&busy)), 1, "ms");
    table.row(
        &format!("  p99 of {TOO_MANY} clients over that of one"),
        &one(p99(&over) / p99(&idle)),
        1,
        "×",
        Target::AtMost(5.0),
    );
    table.note(&format!("  served of {BUSY} clients"), &one(rate(&busy, IDLE)), 0, "/s");
    table.note(&format!("  served of {TOO_MANY} clients"), &one(served), 0, "/s");
    table.note("  told to come again", &one(refused), 0, "/s");
    table.row("  answered otherwise", &one(others as f64), 0, "", Target::AtMost(0.0));
    table.note("  p99 of health meanwhile", &one(p99(&health)), 1, "ms");
    table.row("  steps trained meanwhile", &one(trained), 0, "", Target::AtLeast(1.0));
}
