//! Bodies of jobs, and what they learn from.

use serde_json::{Value, json};

pub(crate) const IRIS: &str = include_str!("../../../datasets/iris/iris.csv");

/// Logistic regression on iris.
pub(crate) fn iris(epochs: u64) -> Value {
    json!({
        "name": "iris", "seed": 7,
        "training": {
            "method": "supervised",
            "dataset": {"name": "iris", "target": "species"},
            "model": {"layers": [{"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": 0.05},
            "metrics": ["accuracy"],
            "batch_size": 16, "epochs": epochs
        },
        "resources": {"device": "cpu", "memory_mb": 512}
    })
}

/// A small CNN on images of the data set `name`.
pub(crate) fn cnn(name: &str, epochs: u64) -> Value {
    json!({
        "name": name, "seed": 3,
        "training": {
            "method": "supervised",
            "dataset": {"name": name, "input": "image", "target": "label"},
            "model": {"layers": [
                {"type": "conv2d", "filters": 8, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "flatten"},
                {"type": "dense", "units": 32, "activation": "relu"},
                {"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "metrics": ["accuracy"],
            "batch_size": 16, "epochs": epochs
        },
        "resources": {"device": "cpu", "memory_mb": 1024}
    })
}

/// The body with `value` at the place.
pub(crate) fn with(body: &Value, pointer: &str, value: Value) -> Value {
    let mut body = body.clone();
    let (parent, member) = match pointer.rsplit_once('/') {
        Some((parent, member)) => (body.pointer_mut(parent).unwrap(), member),
        None => return value,
    };
    match parent {
        Value::Array(items) => items[member.parse::<usize>().unwrap()] = value,
        parent => parent[member] = value,
    }
    body
}
