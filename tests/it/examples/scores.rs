//! Examples that are there for what they reach.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{DIGITS, changed, number, stocked};
use crate::support::{Server, example_data, mnist};

/// Every example by its file's name, and the fields of `training` that are others here.
macro_rules! run {
    ($($test:ident: $file:literal, $training:tt;)*) => {
        pub(super) const FILES: &[&str] = &[$($file),*];
        $(#[tokio::test]
        async fn $test() {
            run($file, json!($training)).await;
        })*
    };
}

run! {
    images_of_any_ten_classes: "images-28", {"batch_size": 16, "epochs": 3};
    logistic_regression_on_iris: "iris-logistic-regression", {};
    two_branches_on_iris: "iris-two-branches", {};
    the_cnn_of_the_text_on_mnist: "mnist-cnn", {"epochs": 1};
    the_fully_connected_network_on_mnist: "mnist-fully-connected", {"epochs": 4};
    the_cnn_of_the_lab_on_mnist: "mnist-lab-cnn", {"epochs": 2};
    residual_blocks_on_mnist: "mnist-resnet", {"batch_size": 16, "epochs": 4};
    the_perceptron_of_the_text: "perceptron", {};
}

#[tokio::test]
async fn the_perceptron_answers_as_the_text_does() {
    let server = run("perceptron", json!({})).await;
    let inputs = json!({"inputs": [{"x1": -1, "x2": 2}]});
    let answer = server.post("/v1/models/perceptron/predict", &inputs).await.body;
    let one = answer["predictions"][0]["probabilities"]["1"].as_f64().unwrap();
    assert!((one - 0.002_473).abs() < 1e-6, "{answer}");
}

/// Trains an example and asserts that it makes less than half the mistakes that are made by whoever always says the
/// commonest class. Where the body leaves the data set to its reader it is MNIST.
async fn run(name: &str, training: Value) -> Server {
    let mut body = changed(name, &training);
    let reference = &mut body["training"]["dataset"];
    if reference["name"] == "<dataset>" {
        reference["name"] = json!("mnist");
    }
    let dataset = reference["name"].as_str().unwrap().to_owned();
    let baseline = commonest(&dataset, &reference["test"]);
    let server = stocked(&dataset).await;
    let job = server.train(&body).await;
    assert_eq!(job["model"], json!({"name": name, "version": 1}));
    let accuracy = number(&job["metrics"], "test_accuracy");
    assert!(1.0 - accuracy < (1.0 - baseline) / 2.0, "{accuracy}, where the commonest class has {baseline}");
    server
}

/// The share of the test part that the training part's commonest class has.
fn commonest(dataset: &str, test: &Value) -> f64 {
    if dataset == "mnist" {
        let (train, test) = DIGITS;
        return majority(&mnist::labels("train", train), &mnist::labels("t10k", test));
    }
    let text = String::from_utf8(example_data(dataset, DIGITS).1).unwrap();
    let labels = text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap());
    let (every, offset) = (test["every"].as_u64().unwrap(), test["offset"].as_u64().unwrap());
    let (tried, learned): (Vec<_>, Vec<_>) =
        labels.enumerate().partition(|(row, _)| *row as u64 % every == offset);
    let classes =
        |rows: Vec<(usize, &str)>| rows.into_iter().map(|(_, class)| class.to_owned()).collect::<Vec<_>>();
    majority(&classes(learned), &classes(tried))
}

fn majority<T: Ord>(learned: &[T], tried: &[T]) -> f64 {
    let mut counts = BTreeMap::new();
    for class in learned {
        *counts.entry(class).or_insert(0) += 1;
    }
    let commonest = counts.into_iter().max_by_key(|(_, count)| *count).unwrap().0;
    tried.iter().filter(|class| *class == commonest).count() as f64 / tried.len() as f64
}
