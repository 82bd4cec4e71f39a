//! The networks of the digits that training is measured with.

use serde_json::{Value, json};

pub(crate) struct Network {
    pub(crate) name: &'static str,
    /// As `bench/train.py` calls it.
    pub(crate) word: &'static str,
    layers: Value,
    /// Trained on.
    split: &'static str,
    epochs: u64,
    /// Of the 60,000, in the comparison with other programs: whole batches, so that nobody compiles for a part of one.
    pub(crate) compared: usize,
}

/// Each is trained for as many epochs as take a few seconds.
pub(crate) fn all() -> [Network; 3] {
    [
        Network {
            name: "MLP 784-128-10",
            word: "mlp",
            layers: json!([
                {"type": "flatten"},
                {"type": "dense", "units": 128, "activation": "relu"},
                {"type": "dense", "units": 10, "activation": "softmax"}]),
            split: "train",
            epochs: 4,
            compared: 51_200,
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
            epochs: 1,
            compared: 12_800,
        },
        Network {
            name: "ResNet 16-32-64",
            word: "resnet",
            layers: resnet(),
            split: "test",
            epochs: 1,
            compared: 12_800,
        },
    ]
}

/// Three residual blocks, with the paddings and the normalisation of PyTorch.
fn resnet() -> Value {
    let convolution = |filters: u32, strides: u32| {
        json!({"type": "conv2d", "filters": filters, "kernel_size": 3, "strides": strides, "padding": 1,
            "use_bias": false})
    };
    let normalisation = || json!({"type": "batch_normalization", "momentum": 0.9, "epsilon": 1e-5});
    let block = |filters: u32, strides: u32| {
        json!({"type": "block", "residual": true, "activation": "relu", "layers": [
            convolution(filters, strides), normalisation(), "relu",
            convolution(filters, 1), normalisation()]})
    };
    json!([
        convolution(16, 1), normalisation(), "relu",
        block(16, 1), block(32, 2), block(64, 2),
        {"type": "global_average_pool2d"},
        {"type": "dense", "units": 10, "activation": "softmax"}])
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
    /// The same over a data set with splits of its own, once.
    pub(crate) fn job_over(&self, dataset: &str, threads: u32) -> Value {
        let mut job = self.job(threads);
        job["training"]["dataset"] = json!({"name": dataset, "target": "label"});
        job["training"]["epochs"] = json!(1);
        job
    }
}
