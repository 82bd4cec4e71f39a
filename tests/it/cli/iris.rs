//! From a table to answers: every command in the order in which a user comes upon it.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sha2::Digest as _;

use super::{Server, iris, said_to};

#[test]
fn data_sets_are_added_listed_and_shown() {
    let server = Server::start();
    for _ in 0..2 {
        let added = server.run(&["datasets", "add", &iris()]);
        assert_eq!(
            (added.code, added.out.trim_end()),
            (0, "iris version 1: 150 examples, 5 columns"),
            "{}",
            added.err
        );
    }
    let table = std::fs::read(iris()).unwrap();
    let mut command =
        server.command(&["datasets", "add", "-", "--name", "flowers", "--format", "csv", "--json"]);
    let piped = said_to(&mut command, &table);
    assert_eq!(piped.documents()[0]["sha256"], server.json(&["datasets", "show", "iris@1"])[0]["sha256"]);
    let typed =
        server.run(&["datasets", "add", &iris(), "--name", "typed", "--types", "petal_width_cm:category"]);
    assert_eq!(typed.code, 0, "{}", typed.err);
    assert_eq!(server.json(&["datasets", "show", "typed"])[0]["columns"][3]["kind"], "category");

    let folder = server.dir.path().join("digits");
    std::fs::create_dir(&folder).unwrap();
    let images = [&[0, 0, 8, 3, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2][..], &[9; 16]].concat();
    std::fs::write(folder.join("images-idx3-ubyte"), images).unwrap();
    std::fs::write(folder.join("labels-idx1-ubyte"), [0, 0, 8, 1, 0, 0, 0, 4, 0, 1, 1, 0]).unwrap();
    std::fs::write(folder.join("README"), "not an IDX file").unwrap();
    let packed = server.run(&["datasets", "add", folder.to_str().unwrap()]);
    assert_eq!(packed.out.trim_end(), "digits version 1: 4 examples, 2 columns", "{}", packed.err);

    let list = server.run(&["datasets", "list"]).out;
    assert!(list.starts_with("NAME") && list.lines().count() == 5, "{list}");
    let names: BTreeSet<String> = server
        .json(&["datasets", "list"])
        .iter()
        .map(|set| set["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["digits", "flowers", "iris", "typed"].map(str::to_owned).into());
    let shown = server.run(&["datasets", "show", "iris"]).out;
    for expected in ["150 (all 150)", "species", "setosa, versicolor, virginica", "petal_width_cm"] {
        assert!(shown.contains(expected), "{shown}");
    }
}

#[test]
fn a_plan_is_the_table_that_keras_prints() {
    let server = Server::with_iris();
    let plan = server.run(&["plan", &server.job(&json!({}))]);
    assert_eq!(plan.code, 0, "{}", plan.err);
    for expected in [
        "Model: \"iris\"",
        "┃ Layer (type)",
        "│ dense (dense)   │ (16)         │      80 │",
        " Total params: 131 (524 B)",
        " Non-trainable params: 0 (0 B)",
        " Steps per epoch: 8",
    ] {
        assert!(plan.out.contains(expected), "{expected}\n{}", plan.out);
    }
    assert!(!plan.out.contains("Connected to"));
    let nodes = json!({"nodes": [
        {"name": "a", "type": "dense", "units": 4, "inputs": ["input"]},
        {"name": "b", "type": "dense", "units": 4, "inputs": ["input"]},
        {"name": "sum", "type": "add", "inputs": ["a", "b"]},
        {"name": "out", "type": "dense", "units": 3, "activation": "softmax", "inputs": ["sum"]}]});
    let graph = server.run(&["plan", &server.job(&json!({"/training/model": nodes}))]);
    let sum = graph.out.lines().find(|line| line.contains("sum (add)")).unwrap();
    assert!(sum.ends_with("│ a, b         │"), "{}", graph.out);
    let document = &server.json(&["plan", &server.job(&json!({}))])[0];
    assert_eq!(document["parameters"]["total"], 131);
}

#[test]
fn a_job_becomes_a_model_that_answers() {
    let server = Server::with_iris();
    let file = server.job(&json!({}));
    let watched = server.run(&["jobs", "submit", &file, "--watch"]);
    assert_eq!(watched.code, 0, "{}", watched.err);
    assert!(
        watched.out.contains("iris succeeded in") && watched.out.contains("model iris version 1"),
        "{}",
        watched.out
    );
    assert!(
        watched.out.contains("test_accuracy 0.9") || watched.out.contains("test_accuracy 1.0"),
        "{}",
        watched.out
    );
    assert!(watched.err.contains("epoch "), "{}", watched.err);

    let id = server.run(&["jobs", "submit", &file]).out.trim_end().to_owned();
    assert_eq!(server.run(&["jobs", "watch", &id]).code, 0);
    let waited = said_to(
        &mut server.command(&["jobs", "submit", "-", "--wait", "--json"]),
        &std::fs::read(&file).unwrap(),
    );
    assert_eq!((waited.code, waited.documents().len()), (0, 1), "{}", waited.err);
    assert_eq!(waited.documents()[0]["model"], json!({"name": "iris", "version": 3}));

    let shown = server.run(&["jobs", "show", "iris"]).out;
    assert!(
        shown.contains("model     iris version 3") && shown.contains("run 1     succeeded on cpu in"),
        "{shown}"
    );
    assert_eq!(server.json(&["jobs", "show", &id])[0]["id"], json!(id));
    assert_eq!(server.json(&["jobs", "list", "--status", "succeeded", "--limit", "2"]).len(), 2);
    assert_eq!(server.json(&["jobs", "list", "--status", "failed"]), Vec::<Value>::new());
    assert_eq!(server.run(&["jobs", "list", "--name", "iris"]).out.lines().count(), 4);
    assert!(server.run(&["jobs", "logs", &id]).out.contains("a run ended"));
    assert_eq!(server.run(&["jobs", "logs", &id, "--tail", "1"]).out.lines().count(), 1);
    assert!(server.json(&["jobs", "logs", &id])[0]["line"].as_str().unwrap().contains("a run begins"));
    the_model_answers(&server);
}

fn the_model_answers(server: &Server) {
    let list = server.run(&["models", "list"]).out;
    assert!(list.lines().nth(1).unwrap().starts_with("iris       3         3"), "{list}");
    let shown = server.run(&["models", "show", "iris@2"]).out;
    for expected in
        ["version  2 (of 3, 2, 1)", "takes    petal_length_cm  number", "setosa, versicolor, virginica"]
    {
        assert!(shown.contains(expected), "{expected}\n{shown}");
    }
    assert_eq!(server.json(&["models", "show", "iris"])[0]["versions"], json!([3, 2, 1]));
    assert_eq!(server.json(&["models", "show", "iris@1"])[0]["version"], 1);

    let row =
        json!({"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2});
    for input in [row.clone(), json!([row]), json!({"inputs": [row]}), json!([[5.1, 3.5, 1.4, 0.2]])] {
        let file = server.file("row.json", input.to_string());
        let answer = &server.json(&["models", "predict", "iris", &file])[0];
        assert_eq!(answer["version"], 3);
        assert_eq!(answer["predictions"][0]["class"], "setosa", "{input}");
    }
    let told =
        said_to(&mut server.command(&["models", "predict", "iris@2", "-"]), row.to_string().as_bytes());
    assert!(told.out.lines().nth(1).unwrap().starts_with("1  setosa  0.9"), "{}", told.out);

    let file = server.dir.path().join("weights");
    let downloaded = server.json(&["models", "download", "iris", "--output", file.to_str().unwrap()]);
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(downloaded[0]["sha256"], json!(format!("{:x}", sha2::Sha256::digest(&bytes))));
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(tensors.tensor("dense.kernel").unwrap().shape().iter().product::<usize>(), 64);
    let named = super::said(server.command(&["models", "download", "iris@1"]).current_dir(server.dir.path()));
    assert!(named.out.starts_with("iris-1.safetensors: "), "{}", named.out);
    assert!(server.dir.path().join("iris-1.safetensors").exists());
}
