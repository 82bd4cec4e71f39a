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

/// Each is listed, and its body is accepted as soon as the data set is there that is told and sent beside it.
#[tokio::test]
async fn examples_are_offered_with_the_data_that_they_need() {
    let server = server().await;
    let (format, mnist) = example_data("mnist", DIGITS);
    server.upload(&format!("name=mnist&format={format}"), mnist).await.expect(201);
    let (format, iris) = example_data("iris", DIGITS);
    server.upload(&format!("name=iris&format={format}"), iris).await.expect(201);
    let listed = server.get("/v1/examples").await.expect(200);
    let listed = listed["data"].as_array().unwrap();
    let mut uploaded = std::collections::BTreeSet::new();
    for entry in listed {
        let name = entry["name"].as_str().unwrap();
        let uri = format!("/v1/examples/{name}");
        let body = server.get(&uri).await.expect(200);
        assert_eq!((&body, &body["training"]["dataset"]["name"]), (&example(name), &entry["dataset"]));
        let data = server.get(&format!("{uri}/data")).await;
        match entry["file"].as_str() {
            Some(file) if uploaded.insert(file) => {
                assert_eq!(data.bytes, std::fs::read(examples().join(file)).unwrap());
                let (dataset, format) = file.rsplit_once('.').unwrap();
                server
                    .upload(&format!("name={dataset}&format={format}"), data.bytes.clone())
                    .await
                    .expect(201);
            }
            Some(_) => assert_eq!(data.status, 200),
            None => assert_eq!(data.status, 404),
        }
        if entry["model"].is_null() {
            server.post("/v1/plans", &body).await.expect(200);
        }
    }
    let names: Vec<&str> = listed.iter().map(|entry| entry["name"].as_str().unwrap()).collect();
    assert_eq!((names[0], names.len()), ("perceptron", 43));
    let wine = listed.iter().find(|entry| entry["name"] == "wine-logistic-regression").unwrap();
    assert_eq!(
        *wine,
        json!({"name": "wine-logistic-regression", "group": "Tables in ten lines", "dataset": "wine",
            "shows": "13 measurements of wines from three cultivars", "file": "wine.csv", "model": null})
    );
    server.get("/v1/examples/images-28").await.expect(404);
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
