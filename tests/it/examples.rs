//! The bodies in `examples/`, each posted as it stands but for its size, and trained by a worker on its data or a part of
//! it: what it shows has to be there, and not where what makes it is left out.

mod comparisons;
mod scores;
mod shown;

use serde_json::{Value, json};

use crate::support::{Server, example, example_data, examples, server};
use crate::tables;

/// How many pictures of MNIST the networks learn from here, and how many they are tried on.
const DIGITS: (u32, u32) = (1_024, 500);

#[test]
fn every_example_is_run() {
    let files = std::fs::read_dir(examples()).unwrap().map(|entry| entry.unwrap().path());
    let bodies = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut names: Vec<String> =
        bodies.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    let mut run = [scores::FILES, comparisons::FILES, shown::FILES, tables::FILES].concat();
    run.sort_unstable();
    assert_eq!(names, run);
    let page = std::fs::read_to_string(examples().join("README.md")).unwrap();
    for name in names {
        assert!(page.contains(&format!("`{name}.json`")), "examples/README.md does not tell of {name}");
    }
}

/// A server that has the data set of an example.
pub(crate) async fn stocked(name: &str) -> Server {
    let server = server().await;
    let (format, bytes) = example_data(name, DIGITS);
    server.upload(&format!("name={name}&format={format}"), bytes).await.expect(201);
    server
}

/// An example with other fields of `training`.
fn changed(name: &str, training: &Value) -> Value {
    let mut body = example(name);
    let fields = body["training"].as_object_mut().unwrap();
    fields.extend(training.as_object().unwrap().clone());
    body
}

/// The newest metrics of an example that is trained with other fields of `training`.
async fn metrics(server: &Server, name: &str, training: Value) -> Value {
    let job = server.train(&changed(name, &training)).await;
    assert_eq!(job["model"], json!({"name": name, "version": 1}));
    job["metrics"].clone()
}

/// The same as it stands.
pub(crate) async fn metrics_of(server: &Server, name: &str) -> Value {
    metrics(server, name, json!({})).await
}

pub(crate) fn number(metrics: &Value, name: &str) -> f64 {
    metrics[name].as_f64().unwrap_or_else(|| panic!("{name} in {metrics}"))
}
