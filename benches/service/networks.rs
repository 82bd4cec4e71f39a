//! The networks of the digits that training is measured with.

use serde_json::{Value, json};

pub(crate) struct Network {
    pub(crate) name: &'static str,
    /// As `bench/train.py` calls it.
    pub(crate) word: &'static str,
    layers: Value,
    /// Trained on, with its name among the files of the data set.
    split: &'static str,
    pub(crate) part: &'static str,
    pub(crate) epochs: u64,
}

/// Each is trained for as many epochs as take a few seconds.
pub(crate) fn all() -> [Network; 2] {
    [
        Network {
            name: "MLP 784-128-10",
            word: "mlp",
            layers: json!([
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "units": 10, "activation": "softmax"}]),
            split: "train",
            part: "train",
            epochs: 4,
        },
        Network {
            name: "CNN 24-36-128",
            word: "cnn",
            layers: json!([
                {"type": "conv2d", "filters": 24, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "conv2d", "filters": 36, "kernel_size": 3, "activation": "relu"},
                {"type": "max_pool2d", "pool_size": 2},
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "units": 10, "activation": "softmax"}]),
            split: "test",
            part: "t10k",
            epochs: 1,
        },
    ]
}

impl Network {
    /// A job that trains it.
    pub(crate) fn job(&self, threads: u32) -> Value {
        json!({"name": "digits", "seed": 7, "resources": {"device": "cpu", "threads": threads}, "training": {
            "method": "supervised", "dataset": {"name": "mnist", "target": "label", "split": self.split},
            "model": {"layers": self.layers}, "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": 0.001},
            "metrics": ["accuracy"], "batch_size": 64, "epochs": self.epochs}})
    }
}
