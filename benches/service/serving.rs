//! Inferences by the Open Inference Protocol: how many in a second, how soon, and while training holds every core. Clients
//! and server share the machine.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::load::{Answer, Request, ask};
use crate::server::Server;
use crate::table::{Figures, Table, Target};
use crate::{networks, raw};

pub(crate) const CONNECTIONS: usize = 16;
const ROUNDS: usize = 5;
const WARM: Duration = Duration::from_secs(1);
const ROUND: Duration = Duration::from_secs(3);
const PIXELS: usize = 784;

/// Where a model is called.
fn path(model: &str) -> String {
    format!("/v2/models/{model}/infer")
}

/// The milliseconds that so many of a hundred answers were there in.
pub(crate) fn percentile(answers: &[Answer], percent: usize) -> f64 {
    let mut seconds: Vec<f64> = answers.iter().map(|answer| answer.seconds).collect();
    seconds.sort_by(f64::total_cmp);
    seconds.get((seconds.len() * percent / 100).min(seconds.len().saturating_sub(1))).map_or(0.0, |s| s * 1e3)
}

fn rate(answers: &[Answer]) -> f64 {
    assert!(answers.iter().all(|answer| answer.status == 200), "an inference was refused");
    answers.len() as f64 / ROUND.as_secs_f64()
}

/// Of four decimal places.
pub(crate) fn pixels() -> impl Iterator<Item = f64> {
    (0..PIXELS).map(|index| (index * 37 % 10_000) as f64 / 10_000.0)
}

/// The inference of an image, as JSON.
fn in_json(server: &Server) -> Request {
    let data: Vec<f64> = pixels().collect();
    let input = json!({"name": "image", "shape": [1, 1, 28, 28], "datatype": "FP32", "data": data});
    let body = json!({"inputs": [input], "outputs": [{"name": "probabilities"}]});
    Request::post(&server.url, &path("digits"), &body.to_string())
}

/// The same in binary, the answer too.
fn in_binary(server: &Server, path: &str) -> Request {
    let pixels: Vec<u8> = pixels().flat_map(|pixel| (pixel as f32).to_le_bytes()).collect();
    let input = json!({"name": "image", "shape": [1, 1, 28, 28], "datatype": "FP32",
        "parameters": {"binary_data_size": pixels.len()}});
    let output = json!({"name": "probabilities", "parameters": {"binary_data": true}});
    let body = json!({"inputs": [input], "outputs": [output]}).to_string();
    Request::post_tensors(&server.url, path, &body, &pixels)
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    server.has_dataset("mnist").await;
    let [mlp, ..] = networks::all();
    let mlp = mlp.job(2);
    let id = server.submit(&mlp).await;
    server.events(&id).await.until_succeeded().await;
    many(table, &server).await;
    pictures(table, &server).await;
    one(table, &server).await;
    beside_training(table, &server, &mlp).await;
}

async fn many(table: &mut Table, server: &Server) {
    let forms =
        [("JSON", in_json(server), 12_000.0), ("binary", in_binary(server, &path("digits")), 18_000.0)];
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

/// Networks whose passes are long beside their requests: a batch is what came while the last one ran.
async fn pictures(table: &mut Table, server: &Server) {
    let [_, cnn, resnet] = networks::all();
    for (network, name, forward) in [(cnn, "cnn", raw::cnn()), (resnet, "resnet", raw::resnet())] {
        let mut job = network.job(2);
        job["name"] = json!(name);
        let id = server.submit(&job).await;
        server.events(&id).await.until_succeeded().await;
        let request = in_binary(server, &path(name));
        ask(&request, CONNECTIONS, WARM).await;
        let forward = Arc::new(Mutex::new(forward));
        let raw = async |batch: usize| {
            let forward = forward.clone();
            let timed = move || raw::rate(&forward.lock().expect("nobody panics"), batch as i64, ROUND);
            tokio::task::spawn_blocking(timed).await.expect("a rate")
        };
        let (mut served, mut each, mut together) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            served.push(rate(&ask(&request, CONNECTIONS, ROUND).await));
            each.push(raw(1).await);
            together.push(raw(CONNECTIONS).await);
        }
        let ratios = |bare: &[f64]| {
            Figures::new(served.iter().zip(bare).map(|(served, bare)| served / bare).collect())
        };
        let (one, many) = (ratios(&each), ratios(&together));
        let what = format!("inferences of the {}, binary, {CONNECTIONS} connections", network.name);
        table.note(&what, &Figures::new(served), 0, "/s");
        table.note("  bare forward passes, an image each", &Figures::new(each), 0, "/s");
        table.note("  bare forward passes, 16 images each", &Figures::new(together), 0, "images/s");
        table.row("  served over bare, an image each", &one, 2, "×", Target::AtLeast(0.9));
        table.row("  served over bare, 16 images each", &many, 2, "×", Target::AtLeast(0.9));
    }
}

async fn one(table: &mut Table, server: &Server) {
    // What a request costs that nothing is computed for: the way there and back, and two wakings.
    let requests =
        [in_json(server), in_binary(server, &path("digits")), Request::get(&server.url, "/v2/health/live")];
    let mut middles = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..ROUNDS {
        for (request, middles) in requests.iter().zip(&mut middles) {
            middles.push(percentile(&ask(request, 1, ROUND).await, 50));
        }
    }
    let [json, binary, nothing] = middles.map(Figures::new);
    table.row("  one connection, JSON: half within", &json, 3, "ms", Target::AtMost(0.15));
    table.note("  one connection, binary: half within", &binary, 3, "ms");
    table.note("  one connection, nothing computed: half within", &nothing, 3, "ms");
}

async fn beside_training(table: &mut Table, server: &Server, job: &Value) {
    let request = in_json(server);
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
