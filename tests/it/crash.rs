//! Every place between two writes at which a process may stop: whichever stops, the job ends as if nothing had
//! happened.

use lyceum::fault::POINTS;
use serde_json::{Value, json};

use crate::support::bodies::IRIS;
use crate::support::world::World;

const EPOCHS: u64 = 40;

/// Faults by the places that they visit. Where a place is only come by when something else has gone wrong, that
/// goes wrong first.
fn faults() -> Vec<String> {
    let mut faults: Vec<String> = POINTS
        .iter()
        .map(|point| match *point {
            "worker.batch.spooled" => "server.report.stored:2,worker.batch.spooled".to_owned(),
            "server.run.ending" => "worker.batch.sent:2,server.run.ending".to_owned(),
            point => point.to_owned(),
        })
        .collect();
    for pair in [
        "server.commit.before:4",
        "server.commit.after:7",
        "server.report.stored:3",
        "worker.file.renamed:3",
        "worker.checkpoint.told:2,server.commit.before:9",
        "worker.model.told,server.report.stored:4",
        "worker.finished.told,server.claimed:2",
        "worker.file.written:2,server.handed:2",
    ] {
        faults.push(pair.to_owned());
    }
    faults
}

fn body() -> Value {
    json!({
        "name": "crash", "seed": 11, "max_attempts": 5,
        "training": {
            "method": "supervised",
            "dataset": {"name": "iris", "target": "species", "validation": {"fraction": 0.2}},
            "model": {"layers": [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dropout", "rate": 0.2},
                                 {"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": 0.02},
            "metrics": ["accuracy"], "batch_size": 16, "epochs": EPOCHS
        },
        "checkpoint": {"every_epochs": 1, "keep": 1},
        "resources": {"device": "cpu", "memory_mb": 512}
    })
}

/// A world in which the job has been trained, and the job as it ended.
async fn train(fault: &str) -> (World, Value) {
    let mut world = World::new(fault, &["--idle-workers", "0"]);
    world.upload("iris", "csv", IRIS.into()).await;
    let id = world.submit("once", &body()).await;
    let job = world.finished(&id).await;
    assert_eq!(job["status"], "succeeded", "{fault}: {job:#}");
    (world, job)
}

async fn weights(world: &mut World) -> String {
    let version = world.get("/v1/models/crash/versions/latest").await;
    assert_eq!(version["version"], 1, "{}: one version a success", world.fault);
    version["sha256"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_process_stops_the_job_ends_as_if_nothing_had_happened() {
    let (mut undisturbed, job) = train("").await;
    let expected = weights(&mut undisturbed).await;
    let id = job["id"].as_str().unwrap();
    let (steps, epochs) = (undisturbed.steps(id, "step_loss").await, undisturbed.steps(id, "loss").await);
    assert_eq!(epochs.len() as u64, EPOCHS);

    for fault in faults() {
        let (mut world, job) = train(&fault).await;
        assert_eq!(weights(&mut world).await, expected, "{fault}");
        let id = job["id"].as_str().unwrap();
        assert_eq!(world.steps(id, "step_loss").await, steps, "{fault}");
        assert_eq!(world.steps(id, "loss").await, epochs, "{fault}");
        let visited = world.visited();
        assert_eq!(visited.len(), fault.split(',').count(), "{fault}: only {visited:?} came by");
        println!("{fault}: the same weights");
    }
}
