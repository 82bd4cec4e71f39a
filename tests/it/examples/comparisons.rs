//! Examples that stand beside one another, and what one of them does that the others do not.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{changed, metrics, metrics_of, number, stocked};
use crate::support::{Server, example};

pub(super) const FILES: &[&str] = &[
    "activations-relu",
    "activations-sigmoid",
    "activations-tanh",
    "batch-sizes-1024",
    "batch-sizes-64",
    "batch-sizes-8",
    "imbalance",
    "imbalance-weighted",
    "optimizers-adadelta",
    "optimizers-adagrad",
    "optimizers-adam",
    "optimizers-adamax",
    "optimizers-adamw",
    "optimizers-lion",
    "optimizers-momentum",
    "optimizers-nadam",
    "optimizers-rmsprop",
    "optimizers-sgd",
    "overfitting",
    "overfitting-dropout",
    "overfitting-early-stopping",
    "rates-finder",
    "rates-large",
    "rates-right",
    "rates-small",
];

/// What each reaches on the test part.
async fn reached<const N: usize>(server: &Server, names: [&str; N], training: Value) -> [f64; N] {
    let mut reached = [0.0; N];
    for (name, reached) in names.into_iter().zip(&mut reached) {
        *reached = number(&metrics(server, name, training.clone()).await, "test_accuracy");
    }
    reached
}

/// Five layers of sigmoids leave next to nothing of the gradient.
#[tokio::test]
async fn a_deep_network_learns_through_relu_and_tanh_and_not_through_sigmoid() {
    let names = ["activations-relu", "activations-tanh", "activations-sigmoid"];
    let quick = json!({"batch_size": 16, "epochs": 8});
    let [relu, tanh, sigmoid] = reached(&stocked("mnist").await, names, quick).await;
    assert!(relu > 0.7 && tanh > 0.7 && sigmoid < 0.3, "relu {relu}, tanh {tanh}, sigmoid {sigmoid}");
}

#[tokio::test]
async fn every_optimizer_learns() {
    let server = stocked("mnist").await;
    let listed = server.get("/v1/components?kind=optimizer").await.expect(200);
    let listed: BTreeSet<String> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| found["name"].as_str().unwrap().to_owned())
        .collect();
    let mut shown = BTreeSet::new();
    for name in FILES.iter().filter(|name| name.starts_with("optimizers-")) {
        let optimizer = &example(name)["training"]["optimizer"]["type"];
        shown.insert(optimizer.as_str().unwrap().to_owned());
        let [accuracy] = reached(&server, [name], json!({"batch_size": 16, "epochs": 4})).await;
        assert!(accuracy > 0.75, "{name}: {accuracy}");
    }
    assert_eq!(shown, listed, "an optimizer without an example");
}

/// The same network and as many epochs: only the rate differs.
#[tokio::test]
async fn a_rate_may_be_too_small_and_too_large() {
    let names = ["rates-small", "rates-right", "rates-large"];
    let [small, right, large] =
        reached(&stocked("mnist").await, names, json!({"batch_size": 16, "epochs": 4})).await;
    assert!(right > 0.75 && small < 0.4 && large < 0.4, "small {small}, right {right}, large {large}");
}

/// It is near the one that is right, and what is learned with it shows that.
#[tokio::test]
async fn the_finder_finds_a_rate_that_learns() {
    let server = stocked("mnist").await;
    let job = server.train(&changed("rates-finder", &json!({"batch_size": 16}))).await;
    let rate = number(&job["result"], "learning_rate");
    assert!((0.01..1.0).contains(&rate), "{rate}");
    let found = json!({"batch_size": 16, "epochs": 8, "optimizer": {"type": "sgd", "learning_rate": rate}});
    let [accuracy] = reached(&server, ["rates-large"], found).await;
    assert!(accuracy > 0.75, "{accuracy} with {rate}");
}

/// Of one rate, smaller batches make more steps in an epoch.
#[tokio::test]
async fn smaller_batches_come_further_in_an_epoch() {
    let names = ["batch-sizes-8", "batch-sizes-64", "batch-sizes-1024"];
    let [small, middle, large] = reached(&stocked("mnist").await, names, json!({})).await;
    assert!(small > middle + 0.03 && middle > large + 0.1, "8: {small}, 64: {middle}, 1024: {large}");
}

/// Without a remedy the network knows its own examples by heart and errs on others.
#[tokio::test]
async fn dropout_and_early_stopping_keep_a_network_from_overfitting() {
    let server = stocked("diabetes").await;
    let plain = metrics_of(&server, "overfitting").await;
    let tried = |metrics: &Value| number(metrics, "test_root_mean_squared_error");
    assert!(number(&plain, "root_mean_squared_error") < tried(&plain) / 3.0, "{plain}");
    for remedy in ["overfitting-dropout", "overfitting-early-stopping"] {
        let metrics = metrics_of(&server, remedy).await;
        assert!(tried(&metrics) < tried(&plain) - 5.0, "{remedy}: {metrics}, without it {plain}");
    }
}

/// One reading in twenty is of a fault. Where each counts the same nearly all faults are missed.
#[tokio::test]
async fn class_weights_find_the_rare_class() {
    let server = stocked("imbalance").await;
    let plain = metrics_of(&server, "imbalance").await;
    let weighted = metrics_of(&server, "imbalance-weighted").await;
    let found = |metrics: &Value| number(metrics, "test_recall_yes");
    assert!(found(&plain) < 0.5 && found(&weighted) > found(&plain) + 0.3, "{plain} {weighted}");
    // The price of it: good readings are taken for faults.
    assert!(number(&weighted, "test_accuracy") < number(&plain, "test_accuracy"), "{plain} {weighted}");
}
