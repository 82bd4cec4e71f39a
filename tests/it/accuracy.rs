//! What the networks of the examples reach on all of MNIST, trained by workers. By hand, since it takes minutes to half
//! an hour: `make test ARGS="--test it accuracy -- --ignored --nocapture"`.

use serde_json::json;

use crate::support::{self, Server, example, mnist};

#[tokio::test]
#[ignore = "minutes of training on all of MNIST"]
async fn the_fully_connected_network() {
    let server = server().await;
    for accuracy in reached(&server, "mnist-fully-connected", 5, 1..=5).await {
        assert!(accuracy >= 0.966, "{accuracy}");
    }
    let reached = reached(&server, "mnist-fully-connected", 8, 1..=5).await;
    assert!(reached.iter().filter(|accuracy| **accuracy >= 0.970).count() >= 4, "{reached:?}");
}

#[tokio::test]
#[ignore = "minutes of training on all of MNIST"]
async fn the_cnn_of_the_lab() {
    let reached = reached(&server().await, "mnist-lab-cnn", 2, 1..=1).await;
    assert!(reached[0] >= 0.985, "{reached:?}");
}

#[tokio::test]
#[ignore = "half an hour of training on all of MNIST"]
async fn the_cnn_of_the_text() {
    let reached = reached(&server().await, "mnist-cnn", 3, 1..=5).await;
    assert!(reached.iter().filter(|accuracy| **accuracy >= 0.988).count() >= 4, "{reached:?}");
}

/// One with all of MNIST.
async fn server() -> Server {
    let server = support::server().await;
    server.upload("name=mnist&format=idx", mnist::archive(60_000, 10_000)).await.expect(201);
    server
}

/// What an example reaches on the test images after so many epochs, from each seed.
async fn reached(server: &Server, name: &str, epochs: u64, seeds: std::ops::RangeInclusive<u64>) -> Vec<f64> {
    let mut reached = Vec::new();
    for seed in seeds {
        let mut body = example(name);
        body["training"]["epochs"] = json!(epochs);
        body["seed"] = json!(seed);
        body["resources"] = json!({"device": "cpu", "threads": 2});
        let job = server.train_long(&body).await;
        let accuracy = job["metrics"]["test_accuracy"].as_f64().unwrap();
        println!("{name}, {epochs} epochs, seed {seed}: test accuracy {accuracy}");
        reached.push(accuracy);
    }
    reached
}
