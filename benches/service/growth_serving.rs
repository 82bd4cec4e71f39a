//! What inferences cost as they grow: with the images of a request, with the models that are called at once, and the first
//! call of a version with its size.

use std::time::Duration;

use futures::future::join_all;
use lyceum::clock::monotonic;
use serde_json::{Value, json};

use crate::load::{Request, ask};
use crate::networks;
use crate::results::Curve;
use crate::server::Server;
use crate::serving::CONNECTIONS;

const ROUNDS: usize = 3;
const ROUND: Duration = Duration::from_secs(2);
/// Clients that send long requests: of more, some are told to come again.
const LONG_CONNECTIONS: usize = 4;
/// Of a digit.
const BYTES: usize = 784 * 4;

pub(crate) async fn measure() -> [Curve; 3] {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--threads", "2"]).await;
    server.has_dataset("mnist").await;
    server.has_dataset("iris").await;
    let [mut mlp, ..] = networks::all().map(|network| network.job(2));
    mlp["training"]["epochs"] = json!(1);
    [images(&server, &mlp).await, models(&server, &mlp).await, loads(&server).await]
}

/// Trains a job under a name.
async fn train(server: &Server, job: &Value, name: &str) {
    let mut job = job.clone();
    job["name"] = json!(name);
    let id = server.submit(&job).await;
    server.events(&id).await.until_succeeded().await;
}

/// So many images in one request, in binary.
fn request(server: &Server, model: &str, images: usize) -> Request {
    let input = json!({"name": "image", "shape": [images, 1, 28, 28], "datatype": "FP32",
        "parameters": {"binary_data_size": images * BYTES}});
    let output = json!({"name": "probabilities", "parameters": {"binary_data": true}});
    let body = json!({"inputs": [input], "outputs": [output]}).to_string();
    Request::post_tensors(&server.url, &format!("/v2/models/{model}/infer"), &body, &vec![0; images * BYTES])
}

/// Answers in a second to so many clients of each request.
async fn rate(requests: &[Request], clients: usize) -> f64 {
    let answers =
        join_all(requests.iter().map(|request| ask(request, clients, ROUND))).await.into_iter().flatten();
    let right = answers.inspect(|answer| assert_eq!(answer.status, 200));
    right.count() as f64 / ROUND.as_secs_f64()
}

async fn images(server: &Server, job: &Value) -> Curve {
    let name = "Images a second against those of a request";
    let mut curve = Curve::of_rates(name, "images of a request, 4 connections", "images/s");
    train(server, job, "growth").await;
    for _ in 0..ROUNDS {
        for images in [1, 4, 16, 64, 256] {
            let answers = rate(&[request(server, "growth", images)], LONG_CONNECTIONS).await;
            curve.add(images as f64, answers * images as f64);
        }
    }
    curve
}

async fn models(server: &Server, job: &Value) -> Curve {
    let name = "Requests a second against models";
    let mut curve = Curve::of_rates(name, "models that 16 connections call", "requests/s");
    let names: Vec<String> = (0..CONNECTIONS).map(|number| format!("model-{number}")).collect();
    for name in &names {
        train(server, job, name).await;
    }
    for _ in 0..ROUNDS {
        for count in [1, 2, 4, 8, 16] {
            let requests: Vec<Request> = names[..count].iter().map(|name| request(server, name, 1)).collect();
            curve.add(count as f64, rate(&requests, CONNECTIONS / count).await);
        }
    }
    curve
}

/// Untrained perceptrons, each unloaded before it is called.
async fn loads(server: &Server) -> Curve {
    let mut curve = Curve::new("First answer against size", "weights, MB", "first answer, ms", 1);
    for units in [32_u64, 500, 1_000, 2_000, 4_000] {
        let dense = json!({"type": "dense", "units": units, "activation": "relu"});
        let job = json!({"name": "large", "seed": 1, "resources": {"device": "cpu"}, "training": {
            "method": "supervised", "dataset": {"name": "iris", "target": "species"}, "epochs": 0,
            "model": {"layers": [dense, dense, {"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy"}});
        train(server, &job, "large").await;
        let megabytes = (units * units + 9 * units) as f64 * 4.0 / 1e6;
        let input =
            json!({"name": "input", "shape": [1, 4], "datatype": "FP32", "data": [5.1, 3.5, 1.4, 0.2]});
        for _ in 0..ROUNDS {
            let unload = format!("{}/v2/repository/models/large/unload", server.url);
            let answer = server.client.post(unload).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{answer:?}");
            let call = server.client.post(format!("{}/v2/models/large/infer", server.url));
            let began = monotonic();
            let answer = call.json(&json!({"inputs": [input]})).send().await.expect("an answer");
            assert!(answer.status().is_success(), "{:?}", answer.text().await);
            curve.add(megabytes, began.elapsed().as_secs_f64() * 1e3);
        }
    }
    curve
}
