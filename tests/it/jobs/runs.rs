//! Whole jobs: posted, trained by a worker process, kept.

use std::time::{Duration, Instant};

use lyceum::jobs::{Origin, SubmitError};
use lyceum::store::{Created, JobId, JobStatus};
use serde_json::{Value, json};

use super::{Queue, iris, program, upload};

async fn queue() -> Queue {
    with_iris(Queue::start(&program()).await).await
}

async fn with_iris(queue: Queue) -> Queue {
    queue.jobs.import_dataset(upload("iris", iris())).await.unwrap();
    queue
}

/// Logistic regression on iris.
pub(crate) fn body(epochs: u64) -> Value {
    json!({
        "name": "iris", "seed": 7,
        "training": {
            "method": "supervised",
            "dataset": {"name": "iris", "target": "species", "validation": {"fraction": 0.2}},
            "model": {"layers": [{"type": "dense", "activation": "softmax"}]},
            "loss": "categorical_cross_entropy",
            "optimizer": {"type": "adam", "learning_rate": 0.05},
            "metrics": ["accuracy"],
            "batch_size": 16, "epochs": epochs
        },
        "resources": {"device": "cpu", "memory_mb": 512}
    })
}

pub(crate) async fn submit(queue: &Queue, body: &Value) -> JobId {
    match queue.jobs.submit(body.clone(), body.to_string(), Origin::default(), None).await.unwrap() {
        Created::Now(job) => job.id,
        Created::Before(answer) => panic!("{answer:?}"),
    }
}

#[tokio::test]
async fn a_job_makes_a_model() {
    let queue = queue().await;
    let job = submit(&queue, &body(5)).await;
    let done = queue.until(job, |job| job.status.terminal()).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    let model = queue.store.model_version("iris", "latest").await.unwrap();
    assert_eq!((model.version, model.job), (1, job));
    let files = lyceum::artifacts::Artifacts::open(&queue.folder.artifacts()).unwrap();
    let kept: Vec<String> = files.list(&model.key).await.unwrap().into_iter().map(|file| file.key).collect();
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert_eq!(files.bytes_of(&format!("{}/weights.safetensors", model.key)).await.unwrap(), model.bytes);
    // No more checkpoints than are to be kept, and no file beside them. Where epochs are shorter than the disk takes
    // for one, fewer are written.
    let checkpoints = queue.until_checkpoints(job, 2).await;
    assert!((1..=2).contains(&checkpoints), "{checkpoints}");
    assert!(done.metrics["val_accuracy"].as_f64().unwrap() > 0.6, "{:?}", done.metrics);
}

#[tokio::test]
async fn equal_jobs_make_equal_weights() {
    let queue = queue().await;
    let mut digests = Vec::new();
    for _ in 0..2 {
        let job = submit(&queue, &body(3)).await;
        queue.until_status(job, JobStatus::Succeeded).await;
        digests.push(queue.store.model_version("iris", "latest").await.unwrap().sha256);
    }
    assert_eq!(digests[0], digests[1]);
}

#[tokio::test]
async fn a_running_job_is_cancelled_at_its_step() {
    let queue = with_iris(Queue::patient(&program()).await).await;
    let job = submit(&queue, &body(1_000_000)).await;
    queue.until(job, |job| job.progress.step > 0).await;
    queue.jobs.cancel(job).await.unwrap();
    queue.until_status(job, JobStatus::Cancelled).await;
    assert!(queue.store.model("iris").await.is_err());
}

/// What a killed run goes on from, it goes on from exactly.
#[tokio::test]
async fn a_killed_worker_costs_nothing_but_time() {
    let queue = queue().await;
    let whole = submit(&queue, &body(400)).await;
    queue.until_status(whole, JobStatus::Succeeded).await;
    let expected = queue.store.model_version("iris", "1").await.unwrap().sha256;

    let job = submit(&queue, &body(400)).await;
    queue.until(job, |job| job.progress.epoch > 20).await;
    let running = queue.store.runs(job).await.unwrap().pop().unwrap();
    let pid = rustix::process::Pid::from_raw(running.process.unwrap().pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let done = queue.until_status(job, JobStatus::Succeeded).await;
    let runs = queue.store.runs(job).await.unwrap();
    assert_eq!(runs.len(), 2);
    assert!(runs[1].from_step.unwrap() > 0, "it began anew");
    assert_eq!(queue.store.model_version("iris", "2").await.unwrap().sha256, expected);
    assert!(done.error.is_none());
}

/// A checkpoint that is cut short or flipped in a bit is noticed, and the one before it is used.
#[tokio::test]
async fn a_damaged_checkpoint_is_passed_over() {
    let queue = queue().await;
    let whole = submit(&queue, &body(400)).await;
    queue.until_status(whole, JobStatus::Succeeded).await;
    let expected = queue.store.model_version("iris", "1").await.unwrap().sha256;

    let job = submit(&queue, &body(400)).await;
    queue.until(job, |job| job.progress.epoch > 20).await;
    queue.jobs.pause(job).await.unwrap();
    queue.until_status(job, JobStatus::Paused).await;
    let checkpoints = queue.store.checkpoints(job).await.unwrap();
    assert!(checkpoints.len() >= 2, "{checkpoints:?}");
    let newest = queue.folder.artifacts().join(&checkpoints[0].key);
    let mut bytes = std::fs::read(&newest).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&newest, bytes).unwrap();
    queue.jobs.resume(job).await.unwrap();
    queue.until_status(job, JobStatus::Succeeded).await;
    let runs = queue.store.runs(job).await.unwrap();
    assert_eq!(runs[1].from_step, Some(checkpoints[1].step));
    assert_eq!(queue.store.model_version("iris", "2").await.unwrap().sha256, expected);
}

#[tokio::test]
async fn a_server_takes_over_what_another_left() {
    let queue = queue().await;
    let job = submit(&queue, &body(3_000)).await;
    queue.until(job, |job| job.progress.step > 0).await;
    let queue = queue.restart(&program()).await;
    let done = queue.until(job, |job| job.status.terminal()).await;
    assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    assert_eq!(queue.store.runs(job).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_can_never_start_is_refused() {
    let queue = queue().await;
    let mut wide = body(1);
    wide["resources"] = json!({"threads": 64, "memory_mb": 1_000_000, "device": "cuda"});
    match queue.jobs.submit(wide.clone(), wide.to_string(), Origin::default(), None).await {
        Err(SubmitError::Refused(errors)) => {
            let places: Vec<&str> = errors.iter().map(|error| error.pointer.as_str()).collect();
            assert_eq!(places, ["/resources/threads", "/resources/memory_mb", "/resources/device"]);
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was taken"),
    }
}

/// A run whose data folder was removed is nobody's, and ends by itself.
#[tokio::test]
async fn a_run_without_a_folder_ends() {
    let queue = queue().await;
    let job = submit(&queue, &body(1_000_000)).await;
    queue.until(job, |job| job.progress.step > 0).await;
    let running = queue.store.runs(job).await.unwrap().pop().unwrap();
    let pid = rustix::process::Pid::from_raw(running.process.unwrap().pid).unwrap();
    queue.jobs.shutdown(lyceum::config::OnShutdown::Keep, Duration::from_secs(5)).await;
    // It writes while its folder is removed, which may fail then.
    while queue.folder.path().exists() {
        let _ = std::fs::remove_dir_all(queue.folder.path());
    }
    drop(queue);
    let begun = Instant::now();
    while rustix::process::test_kill_process(pid).is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Where no worker can be had, as while the program is being replaced, jobs wait and are not spent on it.
#[tokio::test]
async fn a_job_waits_for_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("lyceum");
    let point_to = |program: &std::path::Path| {
        let fresh = folder.path().join("fresh");
        std::os::unix::fs::symlink(program, &fresh).unwrap();
        std::fs::rename(fresh, &link).unwrap();
    };
    for broken in ["/bin/false", "/no/such/program"] {
        point_to(&program());
        let queue = with_iris(Queue::start(&link).await).await;
        point_to(broken.as_ref());
        let job = submit(&queue, &body(3)).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let waits = queue.store.job(job).await.unwrap();
        assert_eq!(waits.status, JobStatus::Queued, "{:?}", waits.error);
        let tried = queue.store.runs(job).await.unwrap().len();
        assert!(tried <= 3, "{tried} runs");
        assert!(!queue.jobs.ready());
        point_to(&program());
        let done = queue.until(job, |job| job.status.terminal()).await;
        assert_eq!(done.status, JobStatus::Succeeded, "{:?}", done.error);
    }
}
