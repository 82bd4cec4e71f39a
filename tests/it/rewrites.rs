//! What is done to a network so that it runs faster: told by the plan, turned off by the job, and of no consequence.

use std::path::{Path, PathBuf};

use lyceum::train::model::LoadedModel;
use serde_json::{Value, json};

use crate::support::{Server, alone, mnist, server};

const NAMES: [&str; 5] = [
    "channels_last",
    "activation_after_pooling",
    "activation_in_place",
    "fused_loss",
    "folded_normalization",
];

fn body(name: &str, rewrites: &Value) -> Value {
    json!({"name": name, "seed": 1, "resources": {"device": "cpu", "threads": 1, "memory_mb": 1024}, "training": {
        "method": "supervised", "dataset": {"name": "mnist", "target": "label"}, "metrics": ["accuracy"], "epochs": 3,
        "loss": "categorical_cross_entropy", "rewrites": rewrites,
        "model": {"layers": [
            {"type": "conv2d", "name": "early", "filters": 6, "kernel_size": 3, "activation": "tanh"}, "max_pool2d",
            {"type": "conv2d", "filters": 8, "kernel_size": 3, "use_bias": false},
            {"type": "batch_normalization", "name": "normal"}, {"type": "relu", "name": "rectified"},
            "flatten", {"type": "dense", "name": "last", "activation": "softmax"}]}}})
}

async fn done(server: &Server, rewrites: &Value) -> Vec<String> {
    let plan = server.post("/v1/plans", &body("digits", rewrites)).await.expect(200);
    let done = plan["rewrites"].as_array().unwrap().iter();
    done.map(|rewrite| rewrite["name"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn each_is_told_and_can_be_turned_off() {
    let server = digits().await;
    let plan = server.post("/v1/plans", &body("digits", &json!({}))).await.expect(200);
    let nodes = |name: &str| {
        let rewrites = plan["rewrites"].as_array().unwrap();
        rewrites.iter().find(|rewrite| rewrite["name"] == name).map(|rewrite| rewrite["nodes"].clone())
    };
    assert_eq!(nodes("channels_last"), Some(json!(["early", "conv2d"])));
    assert_eq!(nodes("activation_after_pooling"), Some(json!(["early"])));
    assert_eq!(nodes("activation_in_place"), Some(json!(["rectified"])));
    assert_eq!(nodes("fused_loss"), Some(json!(["last"])));
    assert_eq!(nodes("folded_normalization"), Some(json!(["normal"])));
    for off in NAMES {
        let mut others = NAMES.map(str::to_owned).to_vec();
        others.retain(|name| name != off);
        assert_eq!(done(&server, &json!({off: false})).await, others);
    }
    let all = plan["spec"]["training"]["rewrites"].as_object().unwrap();
    assert!(NAMES.iter().all(|name| all[*name] == true) && all.len() == NAMES.len(), "{all:?}");
    let wrong = server.post("/v1/plans", &body("digits", &json!({"channels_last": 1, "more": true}))).await;
    let mut pointers = wrong.pointers();
    pointers.sort_unstable();
    assert_eq!(pointers, ["/training/rewrites/channels_last", "/training/rewrites/more"]);
}

/// The same learned, and the same answered, but for the last bits.
#[tokio::test]
async fn training_and_answers_are_the_same_without_them() {
    let _alone = alone().await;
    let server = digits().await;
    let off = NAMES.map(|name| (name.to_owned(), json!(false))).into_iter().collect();
    let with = server.train(&body("with", &json!({}))).await;
    let without = server.train(&body("without", &Value::Object(off))).await;
    let number = |job: &Value, name: &str| job["metrics"][name].as_f64().unwrap();
    let (one, other) = (number(&with, "loss"), number(&without, "loss"));
    assert!(one < 1.5, "it learns: {one}");
    assert!((one - other).abs() < 0.01 * one, "{one} {other}");
    assert_eq!((saved_by_folding(&server, &with), saved_by_folding(&server, &without)), (3 * 8 * 4, 0));
    let images: Vec<Value> = (0..8)
        .map(|image| (0..784).map(|pixel| json!((pixel * (image + 3) * 7) % 256)).collect::<Vec<_>>())
        .map(|pixels| pixels.chunks(28).map(<[Value]>::to_vec).collect::<Vec<_>>())
        .map(|rows| json!([rows]))
        .collect();
    let mut probabilities = Vec::new();
    for model in ["with", "without"] {
        let uri = format!("/v1/models/{model}/predict");
        let answer = server.post(&uri, &json!({"inputs": images})).await.expect(200);
        let told = answer["predictions"].as_array().unwrap().clone();
        let of = |prediction: &Value| -> Vec<f64> {
            let classes = prediction["probabilities"].as_object().unwrap();
            classes.values().map(|probability| probability.as_f64().unwrap()).collect()
        };
        probabilities.push(told.iter().flat_map(of).collect::<Vec<f64>>());
    }
    assert_eq!(probabilities[0].len(), 80);
    for (one, other) in probabilities[0].iter().zip(&probabilities[1]) {
        assert!((one - other).abs() < 0.02, "{one} {other}");
    }
}

/// Of eight filters the scale, the shift and two statistics are gone, and a bias has come.
fn saved_by_folding(server: &Server, job: &Value) -> u64 {
    let key = format!("artifacts/models/{}", job["id"].as_str().unwrap());
    let folder = folder_with(&server.folder.path().join("data").join(key), "model.json").unwrap();
    let bytes = |loaded: Result<LoadedModel, _>| loaded.unwrap().weight_bytes();
    bytes(LoadedModel::load(&folder)) - bytes(LoadedModel::load_to_call(&folder))
}

/// The folder below this one that holds such a file.
fn folder_with(folder: &Path, file: &str) -> Option<PathBuf> {
    if folder.join(file).is_file() {
        return Some(folder.to_owned());
    }
    let mut below = std::fs::read_dir(folder).ok()?.flatten();
    below.find_map(|entry| folder_with(&entry.path(), file))
}

async fn digits() -> Server {
    let server = server().await;
    server.upload("name=mnist&format=idx", mnist::archive(512, 100)).await.expect(201);
    server
}
