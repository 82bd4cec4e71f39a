//! The bodies in `examples/`, each posted as it stands but for its epochs, and trained by a worker on its data or a
//! part of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::support::{Server, example, example_data, examples, mnist, server};

/// How many pictures of MNIST the networks learn from here, and how many they are tried on.
const DIGITS: (u32, u32) = (1_024, 500);

/// Every example by its file's name, and the epochs that it is trained for here.
macro_rules! run {
    ($($test:ident: $file:literal, $epochs:literal;)*) => {
        const FILES: &[&str] = &[$($file),*];
        $(#[tokio::test]
        async fn $test() {
            run($file, $epochs).await;
        })*
    };
}

run! {
    logistic_regression_on_iris: "iris-logistic-regression", 40;
    two_branches_on_iris: "iris-two-branches", 40;
    the_cnn_of_the_text_on_mnist: "mnist-cnn", 1;
    the_fully_connected_network_on_mnist: "mnist-fully-connected", 4;
    the_cnn_of_the_lab_on_mnist: "mnist-lab-cnn", 2;
    the_perceptron_of_the_text: "perceptron", 0;
}

#[test]
fn every_example_is_run() {
    let files = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let bodies = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut names: Vec<String> =
        bodies.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    assert_eq!(names, FILES);
}

#[tokio::test]
async fn the_perceptron_answers_as_the_text_does() {
    let server = run("perceptron", 0).await;
    let inputs = json!({"inputs": [{"x1": -1, "x2": 2}]});
    let answer = server.post("/v1/models/perceptron/predict", &inputs).await.body;
    let one = answer["predictions"][0]["probabilities"]["1"].as_f64().unwrap();
    assert!((one - 0.002_473).abs() < 1e-6, "{answer}");
}

/// Trains an example and asserts that it makes less than half the mistakes that are made by whoever always says the
/// commonest class.
async fn run(name: &str, epochs: u64) -> Server {
    let server = server().await;
    let mut body = example(name);
    let reference = body["training"]["dataset"].clone();
    let dataset = reference["name"].as_str().unwrap();
    let (format, bytes, baseline) = data(dataset, &reference["test"]);
    server.upload(&format!("name={dataset}&format={format}"), bytes).await.expect(201);
    body["training"]["epochs"] = json!(epochs);
    let job = server.train(&body).await;
    assert_eq!(job["model"], json!({"name": name, "version": 1}));
    let accuracy = job["metrics"]["test_accuracy"].as_f64().unwrap();
    assert!(1.0 - accuracy < (1.0 - baseline) / 2.0, "{accuracy}, where the commonest class has {baseline}");
    server
}

/// A data set's format and bytes, and the share of the test part that the training part's commonest class has.
fn data(name: &str, test: &Value) -> (&'static str, Vec<u8>, f64) {
    let (format, bytes) = example_data(name, DIGITS);
    if name == "mnist" {
        let (train, test) = DIGITS;
        return (format, bytes, majority(&mnist::labels("train", train), &mnist::labels("t10k", test)));
    }
    let text = String::from_utf8(bytes).unwrap();
    let labels = text.lines().skip(1).map(|line| line.rsplit(',').next().unwrap());
    let (every, offset) = (test["every"].as_u64().unwrap(), test["offset"].as_u64().unwrap());
    let (tried, learned): (Vec<_>, Vec<_>) =
        labels.enumerate().partition(|(row, _)| *row as u64 % every == offset);
    let classes =
        |rows: Vec<(usize, &str)>| rows.into_iter().map(|(_, class)| class.to_owned()).collect::<Vec<_>>();
    let share = majority(&classes(learned), &classes(tried));
    (format, text.into_bytes(), share)
}

fn majority<T: Ord>(learned: &[T], tried: &[T]) -> f64 {
    let mut counts = BTreeMap::new();
    for class in learned {
        *counts.entry(class).or_insert(0) += 1;
    }
    let commonest = counts.into_iter().max_by_key(|(_, count)| *count).unwrap().0;
    tried.iter().filter(|class| *class == commonest).count() as f64 / tried.len() as f64
}
