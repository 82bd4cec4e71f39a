//! Jobs that begin with what others have learned.

use safetensors::SafeTensors;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris, with};
use crate::support::{Answer, Server, alone, server};

/// Two layers, of which the first is taken over.
fn body(name: &str, dataset: &str, epochs: u64) -> Value {
    let layers = json!([
        {"type": "dense", "name": "hidden", "units": 8, "activation": "tanh"},
        {"type": "batch_normalization", "name": "scale"},
        {"type": "dense", "name": "head", "activation": "softmax"}]);
    let body = with(&iris(epochs), "/training/model/layers", layers);
    with(&with(&body, "/name", json!(name)), "/training/dataset/name", json!(dataset))
}

/// Iris, and the question whether a flower is a setosa.
async fn flowers() -> Server {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    let two = IRIS.replace("versicolor", "other").replace("virginica", "other");
    server.add_csv("setosa", &two).await;
    server
}

async fn weights(server: &Server, model: &str) -> Vec<u8> {
    let answer = server.get(&format!("/v1/models/{model}/versions/latest/weights")).await;
    assert_eq!(answer.status, 200, "{}", answer.detail());
    answer.bytes.to_vec()
}

fn tensor(file: &[u8], name: &str) -> Vec<u8> {
    SafeTensors::deserialize(file).unwrap().tensor(name).unwrap().data().to_vec()
}

fn pointer_of(refused: &Answer) -> (u16, String, String) {
    let error = &refused.body["errors"][0];
    let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
    (refused.status.as_u16(), text("pointer"), text("detail"))
}

#[tokio::test]
async fn weights_are_taken_over_and_stay_where_they_are_frozen() {
    let _alone = alone().await;
    let server = flowers().await;
    server.train(&body("base", "iris", 10)).await;
    let base = weights(&server, "base").await;

    let mut child = body("child", "setosa", 3);
    child["training"]["initialize_from"] = json!({"model": "base", "nodes": ["hidden", "sca*"]});
    for layer in ["0", "1"] {
        child = with(&child, &format!("/training/model/layers/{layer}/trainable"), json!(false));
    }
    let job = server.train(&child).await;
    assert_eq!(
        job["spec"]["training"]["initialize_from"],
        json!({"model": "base", "version": 1, "nodes": ["hidden", "sca*"]})
    );
    let own = weights(&server, "child").await;
    for name in ["hidden.kernel", "hidden.bias", "scale.gamma", "scale.moving_mean", "scale.moving_variance"]
    {
        assert_eq!(tensor(&own, name), tensor(&base, name), "{name}");
    }
    assert!(job["metrics"]["accuracy"].as_f64().unwrap() > 0.9, "{}", job["metrics"]);

    // Unfrozen they are where training begins.
    child["training"]["epochs"] = json!(0);
    for layer in ["0", "1"] {
        child = with(&child, &format!("/training/model/layers/{layer}/trainable"), json!(true));
    }
    child["name"] = json!("begun");
    server.train(&child).await;
    let begun = weights(&server, "begun").await;
    assert_eq!(tensor(&begun, "hidden.kernel"), tensor(&base, "hidden.kernel"));
    assert_eq!(tensor(&begun, "scale.moving_mean"), tensor(&base, "scale.moving_mean"));
}

#[tokio::test]
async fn what_does_not_go_together_is_told_before_it_is_queued() {
    let _alone = alone().await;
    let server = flowers().await;
    server.train(&body("base", "iris", 1)).await;
    let plan = async |from: Value| {
        let child = with(&body("child", "setosa", 1), "/training/initialize_from", from);
        pointer_of(&server.post("/v1/plans", &child).await)
    };
    let (status, pointer, detail) = plan(json!({"model": "base"})).await;
    assert_eq!((status, &*pointer), (422, "/training/initialize_from/nodes/0"));
    assert!(
        detail.contains("\"head\"") && detail.contains("[8, 2]") && detail.contains("[8, 3]"),
        "{detail}"
    );
    let (_, pointer, detail) = plan(json!({"model": "bade"})).await;
    assert_eq!(pointer, "/training/initialize_from/model");
    assert!(detail.contains("did you mean \"base\""), "{detail}");
    for version in [json!(7), json!("best")] {
        let (_, pointer, detail) = plan(json!({"model": "base", "version": version})).await;
        assert_eq!(pointer, "/training/initialize_from/version");
        assert!(detail.contains("the latest is 1"), "{detail}");
    }
    let (_, pointer, detail) = plan(json!({"model": "base", "nodes": ["hidden", "hiden"]})).await;
    assert_eq!(pointer, "/training/initialize_from/nodes/1");
    assert!(detail.contains("did you mean \"hidden\""), "{detail}");
    let mut other = with(&body("child", "setosa", 1), "/training/model/layers/0/name", json!("first"));
    other["training"]["initialize_from"] = json!({"model": "base", "nodes": ["first"]});
    let (_, _, detail) = pointer_of(&server.post("/v1/jobs", &other).await);
    assert!(detail.contains("no node \"first\"") && detail.contains("hidden"), "{detail}");
}

#[tokio::test]
async fn what_a_job_begins_with_is_not_deleted_before_it_is_done() {
    let _alone = alone().await;
    let server = flowers().await;
    let base = server.train(&body("base", "iris", 1)).await["id"].as_str().unwrap().to_owned();
    let mut child = body("child", "iris", 1_000_000);
    child["training"]["initialize_from"] = json!({"model": "base", "version": "latest"});
    let child = server.submit(&child).await;
    let kept = server.delete("/v1/models/base/versions/1").await;
    assert_eq!(kept.status, 409, "{}", kept.detail());
    assert!(kept.detail().contains(&child), "{}", kept.detail());
    let longer = with(&body("base", "iris", 1_000_000), "/training/continue_from", json!({"job": base}));
    let longer = server.submit(&longer).await;
    let kept = server.delete(&format!("/v1/jobs/{base}")).await;
    assert!(kept.status == 409 && kept.detail().contains(&longer), "{}", kept.detail());
    for job in [&child, &longer] {
        server.order(&format!("/v1/jobs/{job}/cancel")).await.expect(202);
        server.finished(job).await;
    }
    server.delete(&format!("/v1/jobs/{base}")).await.expect(204);
    server.delete("/v1/models/base/versions/1").await.expect(204);
}

#[tokio::test]
async fn a_job_that_is_continued_ends_as_if_it_had_been_longer() {
    let _alone = alone().await;
    let server = flowers().await;
    let mut whole = body("whole", "iris", 6);
    whole["training"]["optimizer"] = json!({"type": "adam", "learning_rate": 0.01});
    let at_once = server.train(&whole).await;
    let mut first = whole.clone();
    (first["name"], first["training"]["epochs"]) = (json!("parts"), json!(2));
    let id = server.train(&first).await["id"].as_str().unwrap().to_owned();

    let mut rest = whole.clone();
    rest["name"] = json!("parts");
    rest["training"]["continue_from"] = json!({"job": id});
    rest.as_object_mut().unwrap().remove("seed");
    let job = server.train(&rest).await;
    assert_eq!(job["spec"]["seed"], whole["seed"]);
    assert_eq!(weights(&server, "parts").await, weights(&server, "whole").await);
    for name in ["loss", "accuracy"] {
        assert_eq!(job["metrics"][name], at_once["metrics"][name], "{name}");
    }
    let series = server.get(&format!("/v1/jobs/{}/metrics?name=loss", job["id"].as_str().unwrap())).await;
    // The four epochs behind those two, and what was not in the newest checkpoint when the first job ended.
    let points = series.expect(200)["data"][0]["points"].as_array().unwrap().len();
    assert!((4..6).contains(&points), "{points}");

    let refused = async |change: &dyn Fn(&mut Value)| {
        let mut body = rest.clone();
        change(&mut body);
        pointer_of(&server.post("/v1/jobs", &body).await)
    };
    let (_, pointer, _) = refused(&|body| body["training"]["epochs"] = json!(2)).await;
    assert_eq!(pointer, "/training/epochs");
    let (_, pointer, _) = refused(&|body| body["training"]["batch_size"] = json!(8)).await;
    assert_eq!(pointer, "/training/batch_size");
    let (_, pointer, _) = refused(&|body| body["seed"] = json!(99)).await;
    assert_eq!(pointer, "/seed");
    for job in ["nothing", "01980000-0000-7000-8000-000000000000"] {
        let (status, pointer, _) =
            refused(&|body| body["training"]["continue_from"]["job"] = json!(job)).await;
        assert_eq!((status, &*pointer), (422, "/training/continue_from/job"), "{job}");
    }
}
