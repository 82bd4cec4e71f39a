//! The store, through its public face.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use lyceum::clock::now_us;
use lyceum::spec::report::{
    Control, ErrorKind, Fingerprint, LogLevel, Outcome, Point, Progress, Report, RunError,
};
use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::store::*;
use serde_json::{Value, json};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;
use tempfile::TempDir;

async fn open() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("lyceum.db")).await.unwrap();
    (folder, store)
}

fn job(changes: Value) -> NewJob {
    let mut body = json!({"name": "a", "training": {"method": "supervised"}, "seed": 1});
    for (key, value) in changes.as_object().unwrap() {
        body[key] = value.clone();
    }
    let mut errors = SpecErrors::new();
    let spec = JobSpec::read_body(&body, &mut errors).unwrap_or_else(|| panic!("{errors}"));
    NewJob {
        spec: spec.into(),
        posted: body.to_string(),
        datasets: Vec::new(),
        parents: lyceum::store::JobParents::default(),
        poster: None,
        trace: None,
    }
}

async fn post(store: &Store, changes: Value) -> JobId {
    match store.create_job(job(changes), None).await.unwrap() {
        Created::Now(job) => job.id,
        Created::Before(_) => unreachable!(),
    }
}

fn free(threads: u32, gpus: &[u32]) -> Capacity {
    Capacity { threads, memory_mb: 1 << 20, gpus: gpus.to_vec() }
}

async fn claim(store: &Store) -> Claim {
    store.claim(free(64, &[])).await.unwrap().unwrap()
}

fn started(from_step: u64) -> Report {
    Report::Started { device: "cpu".into(), threads: 1, fingerprint: Fingerprint::default(), from_step }
}

fn points(name: &str, steps: impl IntoIterator<Item = u64>) -> Report {
    let point = |step| Point {
        name: name.into(),
        step,
        epoch: step as f64 / 10.0,
        time: 1_000 + step as i64,
        value: (step as f64 * 0.37).sin(),
    };
    Report::Metrics { points: steps.into_iter().map(point).collect() }
}

fn finished(outcome: Outcome) -> Report {
    Report::Finished { outcome }
}

fn failed(kind: ErrorKind) -> RunError {
    RunError { kind, detail: "it did".into(), hint: None }
}

fn model(output: &str) -> Report {
    let key = format!("models/{output}");
    let metrics = [("accuracy".to_owned(), 0.5), ("loss".to_owned(), f64::NAN)].into();
    Report::Model { output: output.into(), key, sha256: "00".into(), bytes: 7, metrics }
}

async fn tell(store: &Store, claim: &Claim, seq: u64, reports: Vec<Report>) -> Result<Control, StoreError> {
    store.report(claim.run, claim.attempt, seq, now_us(), reports).await
}

/// Trains a job to its end.
async fn succeed(store: &Store, changes: Value) -> JobId {
    let id = post(store, changes).await;
    let claim = claim(store).await;
    assert_eq!(claim.job, id);
    tell(store, &claim, 1, vec![started(0), model(""), finished(Outcome::Succeeded)]).await.unwrap();
    id
}

fn series_of(job: JobId) -> SeriesQuery {
    SeriesQuery { job, name: None, run: None, since_step: None, max_points: 1_000_000 }
}

#[tokio::test]
async fn what_a_job_found_out_is_kept() {
    let (_folder, store) = open().await;
    let id = post(&store, json!({})).await;
    assert_eq!(store.job(id).await.unwrap().result, None);
    let claim = claim(&store).await;
    let Value::Object(result) = json!({"learning_rate": 0.25, "steepest": null}) else { panic!("no object") };
    let reports = vec![started(0), Report::Result { result: result.clone() }, finished(Outcome::Succeeded)];
    tell(&store, &claim, 1, reports).await.unwrap();
    let job = store.job(id).await.unwrap();
    assert_eq!((job.status, job.result, job.model), (JobStatus::Succeeded, Some(result), None));
}

#[tokio::test]
async fn a_job_goes_its_way() {
    let (_folder, store) = open().await;
    let first = post(&store, json!({"labels": {"course": "6.S191"}})).await;
    let second = post(&store, json!({})).await;
    let waiting = store.waiting(second).await.unwrap().unwrap();
    assert_eq!((waiting.position, waiting.ahead[0].id), (2, first));

    let claim = claim(&store).await;
    assert_eq!((claim.job, claim.attempt, &*claim.device), (first, 1, "cpu"));
    let progress = Progress { epoch: 1, epochs: 2, step: 5, steps: 10, fraction: 0.5, ..Progress::default() };
    let checkpoint =
        Report::Checkpoint { step: 5, epoch: 1.0, key: "k".into(), sha256: "s".into(), bytes: 3 };
    let artifact = Report::Artifact {
        name: "x".into(),
        media_type: "text/plain".into(),
        key: "x".into(),
        sha256: "s".into(),
        bytes: 1,
    };
    let log = Report::Log { level: LogLevel::Info, message: "hello".into() };
    let told =
        vec![started(0), points("loss", 0..5), Report::Progress(progress.clone()), checkpoint, artifact, log];
    assert_eq!(tell(&store, &claim, 1, told).await.unwrap(), Control::Continue);
    let job = store.job(first).await.unwrap();
    assert_eq!((job.status, job.progress, job.deterministic), (JobStatus::Running, progress, Some(true)));
    assert_eq!(job.metrics["loss"], json!((4.0_f64 * 0.37).sin()));
    assert_eq!(job.labels["course"], "6.S191");
    assert_eq!(job.runs[0].status, RunStatus::Running);
    assert!(job.runs[0].started_at.is_some() && job.queue_position.is_none());
    assert_eq!(store.latest_checkpoint(first).await.unwrap().unwrap().step, 5);
    assert_eq!(store.artifact(first, "x").await.unwrap().media_type, "text/plain");

    tell(&store, &claim, 2, vec![model(""), finished(Outcome::Succeeded)]).await.unwrap();
    let job = store.job(first).await.unwrap();
    assert_eq!((job.status, job.runs[0].status), (JobStatus::Succeeded, RunStatus::Succeeded));
    assert_eq!(job.model, Some(ModelRef { name: "a".into(), version: 1 }));
    let version = store.model_version("a", "latest").await.unwrap();
    assert_eq!((version.job, version.metrics["loss"].clone()), (first, Value::Null));
    assert_eq!(version.spec, *job.spec);

    let kinds: Vec<EventKind> =
        store.events(Some(first), 0, 100).await.unwrap().iter().map(|event| event.kind).collect();
    let words: Vec<&str> = kinds.into_iter().map(EventKind::word).collect();
    let expected = ["status", "status", "metrics", "progress", "checkpoint", "log", "status", "end"];
    assert_eq!(words, expected);
    assert_eq!(store.job(second).await.unwrap().queue_position, Some(1));
}

#[tokio::test]
async fn the_queue_goes_by_priority_then_age() {
    let (_folder, store) = open().await;
    let old = post(&store, json!({})).await;
    let young = post(&store, json!({})).await;
    let urgent = post(&store, json!({"priority": 5})).await;
    let raised = post(&store, json!({"priority": -5})).await;
    store.change_job(raised, JobChange { priority: Some(9), ..JobChange::default() }).await.unwrap();
    let page = store.jobs(&JobFilter::default(), None, 10).await.unwrap();
    let positions: Vec<_> = page.data.iter().map(|job| (job.id, job.queue_position.unwrap())).collect();
    assert_eq!(positions, [(raised, 1), (urgent, 2), (young, 4), (old, 3)]);
    for (id, position) in positions {
        assert_eq!(store.job(id).await.unwrap().queue_position, Some(position));
    }
    let Created::Now(last) = store.create_job(job(json!({})), None).await.unwrap() else { unreachable!() };
    assert_eq!(last.queue_position, Some(5));
    store.cancel_job(last.id).await.unwrap();
    for expected in [raised, urgent, old, young] {
        assert_eq!(claim(&store).await.job, expected);
    }
    assert!(store.claim(free(64, &[])).await.unwrap().is_none());
}

#[tokio::test]
async fn a_new_job_is_answered_as_it_is_read() {
    let (_folder, store) = open().await;
    post(&store, json!({"priority": -3})).await;
    let changes = json!({"priority": -3, "labels": {"b": "2", "a": "1"}, "timeout_seconds": 9, "max_attempts": 5,
        "resources": {"device": "auto", "threads": 3, "memory_mb": 77}, "model_name": "another"});
    let Created::Now(answered) = store.create_job(job(changes), None).await.unwrap() else { unreachable!() };
    let read = store.job(answered.id).await.unwrap();
    assert_eq!(format!("{answered:#?}"), format!("{read:#?}"));
}

/// A folder may come to a smaller machine, or its server be given less.
#[tokio::test]
async fn a_job_that_no_server_like_this_can_run_holds_up_nobody() {
    let (_folder, store) = open().await;
    let wide = post(&store, json!({"priority": 9, "resources": {"threads": 8}})).await;
    let large = post(&store, json!({"priority": 8, "resources": {"memory_mb": 2_000_000}})).await;
    let narrow = post(&store, json!({})).await;
    let claimed = store.claim_within(free(4, &[]), &free(4, &[])).await.unwrap().unwrap();
    assert_eq!(claimed.job, narrow);
    assert!(store.claim_within(free(4, &[]), &free(4, &[])).await.unwrap().is_none());
    let claimed = store.claim_within(free(8, &[]), &free(8, &[])).await.unwrap().unwrap();
    assert_eq!(claimed.job, wide);
    assert_eq!(store.job(large).await.unwrap().status, JobStatus::Queued);
}

/// The hours for which a machine stood still are none of a job's.
#[tokio::test]
async fn a_run_that_nobody_watched_ran_for_as_long_as_it_was_heard_of() {
    let (_folder, store) = open().await;
    let job = post(&store, json!({"timeout_seconds": 100})).await;
    let run = claim(&store).await;
    let then = now_us();
    store.report(run.run, 1, 1, then, vec![started(0)]).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    // What it left on the disk is as old as its last word.
    store.report(run.run, 1, 2, then, vec![points("loss", 1..=3)]).await.unwrap();
    let lost = RunError { kind: ErrorKind::Lost, detail: "it is gone".into(), hint: None };
    assert!(store.end_left_run(run.run, lost.clone()).await.unwrap());
    assert!(!store.end_left_run(run.run, lost).await.unwrap());
    let next = store.claim(free(64, &[])).await.unwrap().unwrap();
    assert_eq!((next.job, next.attempt), (job, 2));
    assert!(next.ran_us < 400_000, "{} µs", next.ran_us);
}

#[tokio::test]
async fn a_head_that_does_not_fit_blocks_unless_it_waits_for_a_gpu() {
    let (_folder, store) = open().await;
    let gpu = post(&store, json!({"priority": 9, "resources": {"device": "cuda:1"}})).await;
    let any = post(&store, json!({"priority": 8, "resources": {"device": "cuda"}})).await;
    let wide = post(&store, json!({"priority": 7, "resources": {"threads": 8}})).await;
    let auto = post(&store, json!({"resources": {"device": "auto"}})).await;
    assert!(store.claim(free(4, &[])).await.unwrap().is_none(), "the wide one blocks");
    let got = store.claim(free(4, &[0])).await.unwrap().unwrap();
    assert_eq!((got.job, &*got.device), (any, "cuda:0"));
    assert_eq!(store.claim(free(8, &[])).await.unwrap().unwrap().job, wide);
    let got = store.claim(free(1, &[2])).await.unwrap().unwrap();
    assert_eq!((got.job, &*got.device), (auto, "cuda:2"));
    assert_eq!(store.job(auto).await.unwrap().resolved_device.as_deref(), Some("cuda"));
    let got = store.claim(free(1, &[0, 1])).await.unwrap().unwrap();
    assert_eq!((got.job, &*got.device), (gpu, "cuda:1"));
}

#[tokio::test]
async fn a_job_that_may_run_anywhere_goes_on_without_the_gpu_that_it_had() {
    let (_folder, store) = open().await;
    let auto = post(&store, json!({"max_attempts": 3, "resources": {"device": "auto"}})).await;
    let run = store.claim(free(1, &[0])).await.unwrap().unwrap();
    assert_eq!((run.job, &*run.device), (auto, "cuda:0"));
    assert!(store.end_run(run.run, failed(ErrorKind::Lost)).await.unwrap());
    assert!(store.claim(free(1, &[])).await.unwrap().is_none(), "the GPU is only taken");
    store.forget_gpus().await.unwrap();
    let again = store.claim(free(1, &[])).await.unwrap().unwrap();
    assert_eq!((again.job, &*again.device), (auto, "cpu"));
}

#[tokio::test]
async fn reports_are_applied_once_and_stale_ones_fenced_off() {
    let (_folder, store) = open().await;
    let id = post(&store, json!({"max_attempts": 2})).await;
    let first = claim(&store).await;
    let batch = vec![started(0), points("loss", 0..10)];
    for _ in 0..3 {
        tell(&store, &first, 1, batch.clone()).await.unwrap();
    }
    assert_eq!(store.series(series_of(id)).await.unwrap()[0].points.len(), 10);
    assert!(matches!(tell(&store, &first, 3, vec![]).await, Err(StoreError::OutOfOrder { expected: 2 })));

    assert!(store.end_run(first.run, failed(ErrorKind::Lost)).await.unwrap());
    assert!(!store.end_run(first.run, failed(ErrorKind::Lost)).await.unwrap());
    let job = store.job(id).await.unwrap();
    assert_eq!((job.status, job.failures, job.runs[0].status), (JobStatus::Retrying, 1, RunStatus::Lost));
    assert!(matches!(tell(&store, &first, 2, vec![]).await, Err(StoreError::Gone)));
    let second = claim(&store).await;
    assert_eq!(second.attempt, 2);
    assert!(matches!(tell(&store, &first, 2, vec![]).await, Err(StoreError::Gone)));
    assert!(matches!(store.control(first.run, 1).await, Err(StoreError::Gone)));

    tell(&store, &second, 1, vec![started(6), points("loss", 7..9)]).await.unwrap();
    tell(&store, &second, 2, vec![finished(Outcome::Failed { error: failed(ErrorKind::Lost) })])
        .await
        .unwrap();
    let job = store.job(id).await.unwrap();
    assert_eq!((job.status, job.error.unwrap().kind), (JobStatus::Failed, ErrorKind::Lost));
    // The answer to the last batch was lost: it is sent again.
    assert_eq!(tell(&store, &second, 2, vec![]).await.unwrap(), Control::Stop);
    assert!(matches!(
        tell(&store, &second, 3, vec![finished(Outcome::Succeeded)]).await,
        Err(StoreError::Gone)
    ));
    assert_eq!(store.job(id).await.unwrap().status, JobStatus::Failed);

    let joined = store.series(series_of(id)).await.unwrap();
    let steps: Vec<u64> = joined[0].points.iter().map(|point| point.step).collect();
    assert_eq!((steps, joined[0].run), ((0..9).collect(), second.run));
    let alone = store.series(SeriesQuery { run: Some(first.run), ..series_of(id) }).await.unwrap();
    assert_eq!(alone[0].points.len(), 10);
    let kinds = store.events(Some(id), 0, 100).await.unwrap();
    assert_eq!(kinds.iter().filter(|event| event.kind == EventKind::Resumed).count(), 1);
}

#[tokio::test]
async fn series_are_exact_over_block_boundaries() {
    let (folder, store) = open().await;
    let id = post(&store, json!({})).await;
    let claim = claim(&store).await;
    tell(&store, &claim, 1, vec![started(0)]).await.unwrap();
    let mut next = 0;
    let mut seq = 1;
    for size in [1, 4_094, 1, 1, 1, 4_095, 9_000, 3] {
        seq += 1;
        let batch = vec![points("loss", next..next + size), points("other", [next])];
        tell(&store, &claim, seq, batch).await.unwrap();
        next += size;
    }
    let Report::Metrics { points: expected } = points("loss", 0..next) else { unreachable!() };
    let read = store.series(series_of(id)).await.unwrap();
    assert_eq!(read.iter().map(|series| &*series.name).collect::<Vec<_>>(), ["loss", "other"]);
    assert_eq!(read[0].points, expected);
    assert_eq!(read[1].points.len(), 8);

    // A new process goes on in the open block.
    store.close().await;
    let store = Store::open(&folder.path().join("lyceum.db")).await.unwrap();
    let odd = |step, value| Point { name: "loss".into(), step, epoch: 0.0, time: 0, value };
    let odd = vec![odd(next, f64::NAN), odd(next + 1, f64::INFINITY)];
    tell(&store, &claim, seq + 1, vec![Report::Metrics { points: odd }]).await.unwrap();
    let since = SeriesQuery { name: Some("loss".into()), since_step: Some(next - 2), ..series_of(id) };
    let read = store.series(since.clone()).await.unwrap();
    assert_eq!(read[0].points[0], expected[expected.len() - 1]);
    assert!(read[0].points[1].value.is_nan() && read[0].points[2].value.is_infinite());
    assert_eq!(store.job(id).await.unwrap().metrics["loss"], Value::Null);

    let thin = SeriesQuery { since_step: None, max_points: 100, ..since };
    let thin = &store.series(thin).await.unwrap()[0].points;
    assert!(thin.len() <= 100 && thin.is_sorted_by_key(|point| point.step));
    assert_eq!((thin[0].step, thin[thin.len() - 1].step), (0, next + 1));
    let extreme = |pick: fn(f64, f64) -> f64, points: &[Point]| {
        points.iter().map(|point| point.value).filter(|value| value.is_finite()).reduce(pick)
    };
    assert_eq!(extreme(f64::min, thin), extreme(f64::min, &expected));
    assert_eq!(extreme(f64::max, thin), extreme(f64::max, &expected));
}

#[tokio::test]
async fn one_failing_command_spoils_no_other() {
    let (_folder, store) = open().await;
    let gone = NewJob { datasets: vec![("nothing".into(), 1)], ..job(json!({})) };
    let posts = (0..64).map(|index| {
        let new = if index % 4 == 3 { gone.clone() } else { job(json!({"priority": index})) };
        let store = store.clone();
        tokio::spawn(async move { store.create_job(new, None).await })
    });
    let mut kept = 0;
    for (index, post) in futures::future::join_all(posts).await.into_iter().enumerate() {
        match post.unwrap() {
            Ok(_) => kept += 1,
            Err(StoreError::Conflict(Conflict::DatasetGone { .. })) => assert_eq!(index % 4, 3),
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(kept, 48);
    assert_eq!(store.job_counts().await.unwrap(), [(JobStatus::Queued, 48)]);
    assert_eq!(store.events(None, 0, 1_000).await.unwrap().len(), 48, "a failed command left no event");
}

#[tokio::test]
async fn a_stream_shows_every_event_once_in_order() {
    let (_folder, store) = open().await;
    let id = post(&store, json!({})).await;
    let other = post(&store, json!({})).await;
    let follow = |job, after| {
        let mut follower = store.follow(job, after);
        tokio::spawn(async move {
            let mut ids = Vec::new();
            while let Some(events) = follower.next().await.unwrap() {
                ids.extend(events.iter().map(|event| event.id));
            }
            ids
        })
    };
    let early = follow(Some(id), 0);
    let claim = claim(&store).await;
    tell(&store, &claim, 1, vec![started(0)]).await.unwrap();
    for seq in 2..3_000 {
        tell(&store, &claim, seq, vec![points("loss", [seq])]).await.unwrap();
        if seq == 1_500 {
            store.cancel_job(other).await.unwrap();
        }
    }
    let late = follow(Some(id), 700);
    tell(&store, &claim, 3_000, vec![finished(Outcome::Succeeded)]).await.unwrap();
    let stored: Vec<i64> =
        store.events(Some(id), 0, 10_000).await.unwrap().iter().map(|event| event.id).collect();
    assert_eq!(early.await.unwrap(), stored);
    let behind: Vec<i64> = stored.iter().copied().filter(|event| *event > 700).collect();
    assert_eq!(late.await.unwrap(), behind);
    assert_eq!(follow(Some(id), 0).await.unwrap(), stored, "a finished job's stream replays and ends");
    assert!(follow(Some(id), *stored.last().unwrap()).await.unwrap().is_empty());
    assert_eq!(store.last_event().await.unwrap(), *stored.last().unwrap());
}

#[tokio::test]
async fn the_same_post_twice_is_one_job() {
    let (_folder, store) = open().await;
    let once = |digest| Idempotency {
        scope: "me POST /v1/jobs".into(),
        key: "k".into(),
        digest: [digest; 32],
        render: Arc::new(|job: &Job| Answer {
            status: 202,
            headers: vec![("location".into(), format!("/v1/jobs/{}", job.id))],
            body: job.status.to_string(),
        }),
    };
    let calls = (0..8).map(|_| store.create_job(job(json!({})), Some(once(1))));
    let answers = futures::future::join_all(calls).await;
    let made: Vec<JobId> = answers
        .iter()
        .filter_map(|a| if let Ok(Created::Now(job)) = a { Some(job.id) } else { None })
        .collect();
    assert_eq!(made.len(), 1);
    for answer in &answers {
        if let Ok(Created::Before(answer)) = answer {
            assert_eq!(answer.headers[0].1, format!("/v1/jobs/{}", made[0]));
        }
    }
    let other = store.create_job(job(json!({})), Some(once(2))).await;
    assert!(matches!(other, Err(StoreError::Conflict(Conflict::IdempotencyKey))));
    let kept = store.kept_answer("me POST /v1/jobs", "k", &[1; 32]).await.unwrap().unwrap();
    assert_eq!((kept.status, &*kept.body), (202, "queued"));
    assert_eq!(store.jobs(&JobFilter::default(), None, 10).await.unwrap().data.len(), 1);
}

#[tokio::test]
async fn cancelling_and_pausing() {
    let (_folder, store) = open().await;
    let waiting = post(&store, json!({})).await;
    assert_eq!(store.cancel_job(waiting).await.unwrap().status, JobStatus::Cancelled);
    assert_eq!(store.cancel_job(waiting).await.unwrap().status, JobStatus::Cancelled);
    let running = post(&store, json!({})).await;
    let run = claim(&store).await;
    assert_eq!(store.pause_job(running).await.unwrap().desired, Some(Desired::Paused));
    assert_eq!(tell(&store, &run, 1, vec![started(0)]).await.unwrap(), Control::Pause);
    tell(&store, &run, 2, vec![finished(Outcome::Stopped)]).await.unwrap();
    let job = store.job(running).await.unwrap();
    assert_eq!((job.status, job.desired, job.failures), (JobStatus::Paused, None, 0));
    assert!(store.claim(free(64, &[])).await.unwrap().is_none());
    assert_eq!(store.resume_job(running).await.unwrap().status, JobStatus::Queued);
    let run = claim(&store).await;
    assert_eq!(store.cancel_job(running).await.unwrap().status, JobStatus::Running);
    assert_eq!(store.control(run.run, run.attempt).await.unwrap(), Control::Stop);
    tell(&store, &run, 1, vec![finished(Outcome::Cancelled)]).await.unwrap();
    let conflict = store.resume_job(running).await.unwrap_err();
    let expected = Conflict::JobStatus { status: JobStatus::Cancelled };
    assert!(matches!(conflict, StoreError::Conflict(found) if found == expected));
    assert!(matches!(store.cancel_job(JobId::fresh()).await, Err(StoreError::NotFound("job"))));
}

#[tokio::test]
async fn models_have_versions_and_aliases() {
    let (_folder, store) = open().await;
    let first = succeed(&store, json!({"model_name": "m"})).await;
    succeed(&store, json!({"model_name": "m"})).await;
    store.set_alias("m", "best", 1).await.unwrap();
    let found = store.model("m").await.unwrap();
    assert_eq!(found.versions.iter().map(|v| v.version).collect::<Vec<_>>(), [2, 1]);
    assert_eq!(found.aliases, [("best".to_owned(), 1), ("latest".to_owned(), 2)].into());
    assert_eq!(store.model_version("m", "best").await.unwrap().version, 1);
    let conflict = store.delete_model_version("m", "1").await.unwrap_err();
    assert!(matches!(conflict, StoreError::Conflict(Conflict::AliasPointsHere { alias }) if alias == "best"));
    assert_eq!(store.delete_model_version("m", "latest").await.unwrap().version, 2);
    assert_eq!(store.model_version("m", "latest").await.unwrap().version, 1);
    store.delete_alias("m", "best").await.unwrap();
    store.delete_job(first).await.unwrap();
    assert_eq!(store.model_version("m", "1").await.unwrap().job, first, "a model outlives its job");
    store.delete_model_version("m", "1").await.unwrap();
    assert!(matches!(store.model("m").await, Err(StoreError::NotFound("model"))));
    assert!(store.models(None, 10).await.unwrap().data.is_empty());
    succeed(&store, json!({"model_name": "m"})).await;
    assert_eq!(store.model_version("m", "latest").await.unwrap().version, 3, "no number is given twice");
    assert!(matches!(
        store.set_alias("m", "latest", 3).await,
        Err(StoreError::Conflict(Conflict::LatestAlias))
    ));
}

#[tokio::test]
async fn several_models_of_one_job() {
    let (_folder, store) = open().await;
    let id = post(&store, json!({"name": "gan"})).await;
    let run = claim(&store).await;
    let told = vec![model("generator"), model("discriminator"), finished(Outcome::Succeeded)];
    tell(&store, &run, 1, told).await.unwrap();
    let names: Vec<String> =
        store.models(None, 10).await.unwrap().data.into_iter().map(|model| model.name).collect();
    assert_eq!(names, ["gan-generator", "gan-discriminator"]);
    let failing = post(&store, json!({"name": "bad"})).await;
    let run = claim(&store).await;
    let error = failed(ErrorKind::Diverged);
    tell(&store, &run, 1, vec![model(""), finished(Outcome::Failed { error })]).await.unwrap();
    assert_eq!(store.job(failing).await.unwrap().status, JobStatus::Failed);
    assert!(store.model("bad").await.is_err());
    assert!(store.job(id).await.unwrap().model.is_some());
}

fn dataset(name: &str, digest: &str) -> NewDataset {
    let schema = serde_json::from_value(json!({"name": name, "version": 0, "format": "csv", "examples": 3,
        "bytes": 9, "sha256": "ab", "splits": [["all", 3]], "columns": []}))
    .unwrap();
    NewDataset { schema, digest: digest.into(), hints: json!({}), key: format!("datasets/{digest}") }
}

async fn put(store: &Store, new: NewDataset) -> PutDataset {
    match store.put_dataset(new, None).await.unwrap() {
        Created::Now(put) => put,
        Created::Before(_) => unreachable!(),
    }
}

#[tokio::test]
async fn data_sets_are_kept_by_content_and_need() {
    let (_folder, store) = open().await;
    let first = put(&store, dataset("iris", "d1")).await;
    assert!(first.new && first.version.schema.version == 1);
    assert!(!put(&store, dataset("iris", "d1")).await.new);
    assert_eq!(put(&store, dataset("iris", "d2")).await.version.schema.version, 2);
    put(&store, dataset("flowers", "d1")).await;
    assert_eq!(store.dataset("iris", None).await.unwrap().schema.version, 2);
    assert_eq!(store.dataset_names().await.unwrap(), ["flowers", "iris"]);
    let page = store.datasets(&DatasetFilter::default(), None, 1).await.unwrap();
    assert_eq!(page.data[0].schema.name, "flowers");
    let page = store.datasets(&DatasetFilter::default(), page.next, 1).await.unwrap();
    assert_eq!((page.data[0].schema.version, page.next), (2, None));
    let versions = DatasetFilter { name: Some("iris".into()) };
    assert_eq!(store.datasets(&versions, None, 9).await.unwrap().data.len(), 2);

    let new = NewJob { datasets: vec![("iris".into(), 1)], ..job(json!({})) };
    let Created::Now(needing) = store.create_job(new, None).await.unwrap() else { unreachable!() };
    let conflict = store.delete_dataset("iris", 1).await.unwrap_err();
    assert!(
        matches!(conflict, StoreError::Conflict(Conflict::DatasetInUse { job, .. }) if job == needing.id)
    );
    store.cancel_job(needing.id).await.unwrap();
    assert!(!store.delete_dataset("iris", 1).await.unwrap().unused, "flowers stands on the same files");
    assert!(store.delete_dataset("flowers", 1).await.unwrap().unused);
    assert!(matches!(store.dataset("iris", Some(1)).await, Err(StoreError::NotFound(_))));
    assert_eq!(put(&store, dataset("iris", "d1")).await.version.schema.version, 3);
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let (_folder, store) = open().await;
    let mut ids = Vec::new();
    for index in 0..5 {
        ids.push(
            post(&store, json!({"labels": {"n": index.to_string(), "all": "x"}, "model_name": "m"})).await,
        );
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.jobs(&JobFilter::default(), after, 2).await.unwrap();
        seen.extend(page.data.iter().map(|job| job.id));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, ids);
    store.cancel_job(ids[0]).await.unwrap();
    let count = async |filter: JobFilter| store.jobs(&filter, None, 10).await.unwrap().data.len();
    let label =
        |key: &str, value: Option<&str>| LabelFilter { key: key.into(), value: value.map(Into::into) };
    assert_eq!(count(JobFilter { status: vec![JobStatus::Queued], ..Default::default() }).await, 4);
    assert_eq!(count(JobFilter { labels: vec![label("all", None)], ..Default::default() }).await, 5);
    let both = vec![label("all", Some("x")), label("n", Some("3"))];
    assert_eq!(count(JobFilter { labels: both, model: Some("m".into()), ..Default::default() }).await, 1);
    assert_eq!(count(JobFilter { name: Some("b".into()), ..Default::default() }).await, 0);
}

#[tokio::test]
async fn a_deleted_job_leaves_nothing() {
    let (_folder, store) = open().await;
    let id = post(&store, json!({})).await;
    assert!(store.delete_job(id).await.is_err(), "it waits");
    let run = claim(&store).await;
    // In one group: the points have no place any more when they would be written.
    let told = tell(&store, &run, 1, vec![started(0), points("loss", 0..9), finished(Outcome::Succeeded)]);
    let (told, deleted) = tokio::join!(told, store.delete_job(id));
    told.unwrap();
    assert_eq!(deleted.unwrap().runs, [run.run]);
    assert!(matches!(store.job(id).await, Err(StoreError::NotFound("job"))));
    assert!(store.events(Some(id), 0, 9).await.unwrap().is_empty());
    assert!(store.series(series_of(id)).await.unwrap().is_empty());
    assert!(store.follow(Some(id), 0).next().await.unwrap().is_none());
}

#[tokio::test]
async fn a_newer_database_is_refused() {
    let (folder, store) = open().await;
    let path = folder.path().join("lyceum.db");
    store.close().await;
    assert!(matches!(store.job(JobId::fresh()).await, Err(StoreError::Closed)));
    assert!(matches!(store.claim(Capacity::default()).await, Err(StoreError::Closed)));
    let mut conn =
        sqlx::SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(&path)).await.unwrap();
    sqlx::query("INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, 1, checksum, 1 FROM _sqlx_migrations LIMIT 1")
        .execute(&mut conn)
        .await
        .unwrap();
    conn.close().await.unwrap();
    assert!(matches!(Store::open(&path).await, Err(StoreError::Newer)));
}

/// Not a test by itself: it is started below, in a folder of its own, and killed.
#[tokio::test]
#[ignore = "the process that the test below kills"]
async fn writes_until_it_is_killed() {
    let store = Store::open("lyceum.db".as_ref()).await.unwrap();
    let id = post(&store, json!({})).await;
    let run = claim(&store).await;
    let others = store.clone();
    tokio::spawn(async move {
        loop {
            println!("\njob {}", post(&others, json!({"priority": -1})).await);
        }
    });
    println!("\nrun {id} {}", run.run);
    tell(&store, &run, 1, vec![started(0)]).await.unwrap();
    for seq in 2.. {
        tell(&store, &run, seq, vec![points("loss", (seq - 2) * 100..(seq - 1) * 100)]).await.unwrap();
        println!("\nseq {seq}");
    }
}

#[tokio::test]
async fn what_was_told_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::writes_until_it_is_killed", "--ignored", "--nocapture"])
        .current_dir(folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut jobs, mut last, mut run) = (Vec::new(), 0, None);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        match line.split(' ').collect::<Vec<_>>()[..] {
            ["job", id] => jobs.push(id.parse::<JobId>().unwrap()),
            ["run", job, id] => run = Some((job.parse::<JobId>().unwrap(), id.parse::<RunId>().unwrap())),
            ["seq", seq] => last = seq.parse::<u64>().unwrap(),
            _ => {}
        }
        if last >= 60 && jobs.len() >= 30 {
            break;
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();

    let store = Store::open(&folder.path().join("lyceum.db")).await.unwrap();
    for id in jobs {
        assert_eq!(store.job(id).await.unwrap().status, JobStatus::Queued);
    }
    let (job, run) = run.unwrap();
    let kept = store.run(run).await.unwrap().last_seq;
    assert!(kept >= last);
    let read = &store.series(series_of(job)).await.unwrap()[0].points;
    let Report::Metrics { points: expected } = points("loss", 0..(kept - 1) * 100) else { unreachable!() };
    assert_eq!(*read, expected, "points and their batch are kept or lost together");
    assert_eq!(store.open_runs().await.unwrap()[0].run.id, run);
}
