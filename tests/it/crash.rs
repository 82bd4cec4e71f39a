//! Every place between two writes at which a process may stop: whichever stops, the job ends as if nothing had
//! happened.

use std::time::Duration;

use lyceum::fault::POINTS;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::bodies::IRIS;
use crate::support::world::World;

const EPOCHS: u64 = 100;

/// Faults by the places that they visit. Where a place is only come by when something else has gone wrong, that
/// goes wrong first.
fn faults() -> Vec<String> {
    let mut faults: Vec<String> = POINTS
        .iter()
        .map(|point| match *point {
            "worker.batch.spooled" => "server.report.stored:2,worker.batch.spooled".to_owned(),
            "server.run.ending" | "server.run.fenced" => format!("worker.batch.sent:2,{point}"),
            point => point.to_owned(),
        })
        .collect();
    for pair in [
        "server.commit.before:4",
        "server.commit.after:7",
        "server.report.stored:3",
        "worker.file.renamed:2",
        "worker.checkpoint.told,server.commit.before:9",
        "worker.model.told,server.report.stored:4",
        "worker.checkpoint.told,server.claimed:2",
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

/// A worker is held until its lease is over, and the server dies between fencing it and killing it. When it goes on, it
/// hears that nobody wants it, and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_that_slept_past_its_lease_is_fenced_off() {
    let mut long = body();
    long["training"]["epochs"] = json!(2_000);
    let lease = ["--idle-workers", "0", "--run-heartbeat-seconds", "1", "--run-lease-seconds", "3"];
    let mut undisturbed = World::new("", &lease);
    undisturbed.upload("iris", "csv", IRIS.into()).await;
    let id = undisturbed.submit("once", &long).await;
    assert_eq!(undisturbed.finished(&id).await["status"], "succeeded");
    let expected = weights(&mut undisturbed).await;

    let mut world = World::new("server.run.fenced", &lease);
    world.upload("iris", "csv", IRIS.into()).await;
    let id = world.submit("once", &long).await;
    while world.get(&format!("/v1/jobs/{id}")).await["progress"]["step"] == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (sleeper, run) = world.running().pop_first().unwrap();
    let signal = |signal| kill_process(Pid::from_raw(sleeper).unwrap(), signal).unwrap();
    signal(Signal::STOP);
    let job = world.finished(&id).await;
    assert_eq!(world.visited().len(), 1, "the server fenced the run and died");
    assert_eq!((&job["status"], job["runs"].as_array().unwrap().len()), (&json!("succeeded"), 2), "{job:#}");
    assert_eq!(weights(&mut world).await, expected);

    let before = state(&mut world, &id).await;
    signal(Signal::CONT);
    for waited in 0.. {
        if world.running().get(&sleeper) != Some(&run) {
            break;
        }
        assert!(waited < 200, "it goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let log = std::fs::read_to_string(world.data().join("runs").join(&run).join("log")).unwrap();
    assert!(log.contains("410 Gone"), "{log}");
    assert_eq!(state(&mut world, &id).await, before);
    for checkpoint in before[3]["data"].as_array().unwrap() {
        let folder = world.data().join(format!("artifacts/runs/{}", checkpoint["run"].as_str().unwrap()));
        assert!(folder.exists(), "{folder:?}");
    }
}

/// All that is told of a job and of what it made.
async fn state(world: &mut World, id: &str) -> Value {
    let mut told = Vec::new();
    for path in ["", "/metrics?name=step_loss&max_points=10000", "/events", "/checkpoints", "/artifacts"] {
        told.push(world.get(&format!("/v1/jobs/{id}{path}")).await);
    }
    told.push(world.get("/v1/models/crash").await);
    json!(told)
}
