//! Inferences by the Open Inference Protocol: how many in a second, how soon, against the network's arithmetic alone, and
//! while training holds every core. Clients and server share the machine.

use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Answer, Request, ask};
use crate::networks;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const WARM: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(3);
const PIXELS: usize = 784;

/// The milliseconds that so many of a hundred answers were there in.
fn percentile(answers: &[Answer], percent: usize) -> f64 {
    let mut seconds: Vec<f64> = answers.iter().map(|answer| answer.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get((seconds.len() * percent / 100).min(seconds.len().saturating_sub(1))).map_or(0.0, |s| s * 1e3)
}

fn rate(answers: &[Answer]) -> f64 {
    assert!(answers.iter().all(|answer| answer.status == 200), "an inference was refused");
    answers.len() as f64 / ROUND.as_secs_f64()
}

/// An inference of so many images, as JSON.
fn in_json(server: &Server, model: &str, images: usize) -> Request {
    let pixel = |index: usize| json!((index * 37 % 10_000) as f64 / 10_000.0);
    let data: Vec<Value> = (0..images * PIXELS).map(pixel).collect();
    let input = json!({"name": "image", "shape": [images, 1, 28, 28], "datatype": "FP32", "data": data});
    let body = json!({"inputs": [input], "outputs": [{"name": "probabilities"}]});
    Request::post(&server.url, &format!("/v2/models/{model}/infer"), &body.to_string())
}

/// The same in binary, the answer too.
fn in_binary(server: &Server, model: &str, images: usize) -> Request {
    let pixels: Vec<u8> = (0..images * PIXELS)
        .flat_map(|index| ((index * 37 % 10_000) as f32 / 10_000.0).to_le_bytes())
        .collect();
    let input = json!({"name": "image", "shape": [images, 1, 28, 28], "datatype": "FP32",
        "parameters": {"binary_data_size": pixels.len()}});
    let output = json!({"name": "probabilities", "parameters": {"binary_data": true}});
    let body = json!({"inputs": [input], "outputs": [output]}).to_string();
    Request::post_tensors(&server.url, &format!("/v2/models/{model}/infer"), &body, &pixels)
}

async fn train(server: &Server, job: &Value) {
    let id = server.submit(job).await;
    server.events(&id).await.until_succeeded().await;
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    server.has_dataset("mnist").await;
    let [mlp, cnn] = networks::all().map(|network| network.job_named(network.word, 2));
    train(&server, &mlp).await;
    train(&server, &cnn).await;
    many(table, &server).await;
    one(table, &server).await;
    beside_training(table, &server, &mlp).await;
}

async fn many(table: &mut Table, server: &Server) {
    let forms =
        [("JSON", in_json(server, "mlp", 1), 12_000.0), ("binary", in_binary(server, "mlp", 1), 18_000.0)];
    let mut figures = [(Vec::new(), Vec::new(), Vec::new()), (Vec::new(), Vec::new(), Vec::new())];
    for (_, request, _) in &forms {
        ask(request, CONNECTIONS, WARM).await;
    }
    for _ in 0..ROUNDS {
        for ((_, request, _), (rates, middles, slowest)) in forms.iter().zip(&mut figures) {
            let answers = ask(request, CONNECTIONS, ROUND).await;
            rates.push(rate(&answers));
            middles.push(percentile(&answers, 50));
            slowest.push(percentile(&answers, 99));
        }
    }
    for ((name, _, target), (rates, middles, slowest)) in forms.into_iter().zip(figures) {
        let what = format!("inferences of the MLP, {name}, {CONNECTIONS} connections");
        table.row(&what, &Figures::new(rates), 0, "/s", Target::AtLeast(target));
        table.note("  half of them within", &Figures::new(middles), 2, "ms");
        table.row("  99 of 100 within", &Figures::new(slowest), 2, "ms", Target::AtMost(3.0));
    }
}

async fn one(table: &mut Table, server: &Server) {
    let request = in_json(server, "mlp", 1);
    let mut middles = Vec::new();
    for _ in 0..ROUNDS {
        middles.push(percentile(&ask(&request, 1, ROUND).await, 50));
    }
    table.row("  one connection: half within", &Figures::new(middles), 3, "ms", Target::AtMost(0.15));
}

async fn beside_training(table: &mut Table, server: &Server, job: &Value) {
    let request = in_json(server, "mlp", 1);
    let mut long = job.clone();
    long["training"]["epochs"] = json!(100_000);
    let (mut ratios, mut idle, mut busy) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        idle.push(percentile(&ask(&request, CONNECTIONS, ROUND).await, 99));
        let id = server.submit(&long).await;
        server.events(&id).await.until("event: metrics").await;
        busy.push(percentile(&ask(&request, CONNECTIONS, ROUND).await, 99));
        server.cancel(&id).await;
        ratios.push(busy[busy.len() - 1] / idle[idle.len() - 1]);
    }
    let what = "99 of 100 inferences while training holds both cores";
    table.row(what, &Figures::new(ratios), 2, "× idle", Target::AtMost(3.0));
    table.note("  idle", &Figures::new(idle), 2, "ms");
    table.note("  beside training", &Figures::new(busy), 2, "ms");
}
