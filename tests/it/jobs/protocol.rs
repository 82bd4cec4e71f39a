//! The runner protocol, spoken by the tests in a worker's place.

use std::path::Path;
use std::time::{Duration, Instant};

use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::store::{Created, Job, JobId, JobStatus, NewJob, SeriesQuery, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Queue, idler};

/// A worker process that does nothing, and the test that speaks for it.
pub(crate) struct Stand {
    pid: i32,
    token: String,
    id: String,
    client: reqwest::Client,
}

pub(crate) struct Scene {
    pub(crate) queue: Queue,
    dir: TempDir,
}

impl Scene {
    pub(crate) async fn begin() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let queue = Queue::start(&idler(dir.path())).await;
        Self { queue, dir }
    }

    /// The worker that was started as the `index`th.
    pub(crate) async fn worker(&self, index: usize) -> Stand {
        let list = self.dir.path().join("idlers");
        let line = loop {
            let lines = std::fs::read_to_string(&list).unwrap_or_default();
            if let Some(line) = lines.lines().nth(index) {
                break line.to_owned();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        let words: Vec<&str> = line.split(' ').collect();
        let socket = self.queue.folder.path().join("runner.sock");
        let client = crate::support::trusting(Vec::new()).unix_socket(socket).build().unwrap();
        Stand { pid: words[0].parse().unwrap(), token: words[1].into(), id: words[6].into(), client }
    }
}

impl Stand {
    async fn post(&self, path: &str, token: &str, body: &Value) -> (u16, Value) {
        self.send(path, token, body.to_string().into()).await
    }

    /// Posts what is said to be JSON.
    pub(crate) async fn send(&self, path: &str, token: &str, body: Vec<u8>) -> (u16, Value) {
        let request = self.client.post(format!("http://runner/runner/v1{path}")).bearer_auth(token);
        let request = request.header("content-type", "application/json").body(body);
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn next(&self) -> Value {
        let (status, assignment) = self.post("/next", &self.token, &json!({"worker": self.id})).await;
        assert_eq!(status, 200);
        assignment
    }

    async fn report(&self, run: &Value, seq: u64, reports: Value) -> (u16, Value) {
        let batch = json!({"attempt": run["attempt"], "seq": seq, "reports": reports});
        self.post(&path(run, "reports"), run["token"].as_str().unwrap(), &batch).await
    }

    fn kill(&self) {
        let pid = rustix::process::Pid::from_raw(self.pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}

pub(crate) fn path(run: &Value, what: &str) -> String {
    format!("/runs/{}/{what}", run["run"].as_str().unwrap())
}

/// A job as resolution would store it, but for its training, which nobody reads here.
pub(crate) async fn queue_job(store: &Store, changes: Value) -> JobId {
    let mut body = json!({"name": "a", "model_name": "a", "seed": 1, "training": {"method": "supervised"}});
    for (field, value) in changes.as_object().unwrap() {
        body[field] = value.clone();
    }
    let mut errors = SpecErrors::new();
    let spec = JobSpec::read_body(&body, &mut errors).unwrap_or_else(|| panic!("{errors}"));
    let new = NewJob {
        spec: spec.into(),
        posted: body.to_string(),
        datasets: Vec::new(),
        parents: lyceum::store::JobParents::default(),
        poster: None,
        trace: None,
    };
    match store.create_job(new, None).await.unwrap() {
        Created::Now(Job { id, .. }) => id,
        Created::Before(answer) => panic!("{answer:?}"),
    }
}

fn started() -> Value {
    json!({"type": "started", "device": "cpu", "threads": 1, "from_step": 0, "fingerprint":
        {"build": "", "libtorch": "", "cpu": "", "threads": 1, "device": "cpu"}})
}

fn point(step: u64) -> Value {
    json!({"type": "metrics", "points": [{"name": "loss", "step": step, "epoch": 0.1, "time": 1, "value": 0.5}]})
}

fn finished(status: &str) -> Value {
    json!({"type": "finished", "outcome": {"status": status}})
}

#[tokio::test]
async fn a_batch_counts_once_and_for_its_own_run_alone() {
    let scene = Scene::begin().await;
    let job = queue_job(&scene.queue.store, json!({})).await;
    scene.queue.jobs.reconsider();
    let worker = scene.worker(0).await;
    let (status, _) = worker.post("/next", "another", &json!({"worker": worker.id})).await;
    assert_eq!(status, 401);
    let run = worker.next().await;
    assert_eq!(
        (&run["job"], &run["attempt"], &run["device"]),
        (&json!(job.to_string()), &json!(1), &json!("cpu"))
    );

    let first = json!([started(), point(1), point(2)]);
    for _ in 0..2 {
        let (status, answer) = worker.report(&run, 1, first.clone()).await;
        assert_eq!((status, answer), (200, json!({"control": "continue"})));
    }
    let query = SeriesQuery { job, name: None, run: None, since_step: None, max_points: 100 };
    let series = scene.queue.store.series(query).await.unwrap();
    assert_eq!(series[0].points.iter().map(|point| point.step).collect::<Vec<_>>(), [1, 2]);

    assert_eq!(worker.report(&run, 3, json!([point(3)])).await.0, 409);
    let batch = json!({"attempt": 1, "seq": 2, "reports": []});
    assert_eq!(worker.post(&path(&run, "reports"), "another", &batch).await.0, 401);
    let stale = json!({"attempt": 0, "seq": 2, "reports": []});
    assert_eq!(worker.post(&path(&run, "reports"), run["token"].as_str().unwrap(), &stale).await.0, 410);

    assert_eq!(worker.report(&run, 2, json!([finished("succeeded")])).await.0, 200);
    assert_eq!(scene.queue.store.job(job).await.unwrap().status, JobStatus::Succeeded);
    assert_eq!(worker.report(&run, 3, json!([point(4)])).await.0, 410);

    // The same worker takes the next run.
    let another = queue_job(&scene.queue.store, json!({})).await;
    scene.queue.jobs.reconsider();
    assert_eq!(worker.next().await["job"], json!(another.to_string()));
}

#[tokio::test]
async fn a_run_whose_process_dies_is_tried_again_and_the_old_one_is_fenced() {
    let scene = Scene::begin().await;
    let job = queue_job(&scene.queue.store, json!({"max_attempts": 2})).await;
    scene.queue.jobs.reconsider();
    let first = scene.worker(0).await;
    let lost = first.next().await;
    first.report(&lost, 1, json!([started(), point(1)])).await;
    first.kill();

    let second = scene.worker(1).await;
    let run = second.next().await;
    assert_eq!((&run["job"], &run["attempt"]), (&json!(job.to_string()), &json!(2)));
    assert_eq!(first.report(&lost, 2, json!([point(2)])).await.0, 410);
    second.report(&run, 1, json!([started()])).await;
    second.kill();
    let failed = scene.queue.until_status(job, JobStatus::Failed).await;
    let error = failed.error.unwrap();
    assert_eq!(error.kind.word(), "lost", "{}", error.detail);
}

#[tokio::test]
async fn a_cancelled_run_is_told_at_once_and_killed_when_it_does_not_listen() {
    let scene = Scene::begin().await;
    let job = queue_job(&scene.queue.store, json!({})).await;
    scene.queue.jobs.reconsider();
    let worker = scene.worker(0).await;
    let run = worker.next().await;
    worker.report(&run, 1, json!([started()])).await;

    let begun = Instant::now();
    let token = run["token"].as_str().unwrap();
    let beat = json!({"attempt": 1, "control": "continue"});
    let place = path(&run, "heartbeat");
    let (heard, cancelled) = tokio::join!(worker.post(&place, token, &beat), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.queue.jobs.cancel(job).await
    });
    assert_eq!(heard, (200, json!({"control": "stop"})));
    assert!(begun.elapsed() < Duration::from_millis(800));
    cancelled.unwrap();
    scene.queue.until_status(job, JobStatus::Cancelled).await;
    assert_eq!(worker.report(&run, 2, json!([point(2)])).await.0, 410);
}

#[tokio::test]
async fn a_run_outlives_its_server() {
    let Scene { queue, dir } = Scene::begin().await;
    let scene = Scene { queue, dir };
    let job = queue_job(&scene.queue.store, json!({})).await;
    scene.queue.jobs.reconsider();
    let worker = scene.worker(0).await;
    let run = worker.next().await;
    worker.report(&run, 1, json!([started(), point(1)])).await;

    let Scene { queue, dir } = scene;
    let queue = queue.restart(Path::new("/bin/false")).await;
    assert_eq!(queue.store.job(job).await.unwrap().status, JobStatus::Running);
    // What was sent before is known, and what comes now counts.
    assert_eq!(worker.report(&run, 1, json!([started(), point(1)])).await.0, 200);
    assert_eq!(worker.report(&run, 2, json!([point(2)])).await.0, 200);

    // What a run leaves on the disk counts as well, even when there is no process any more.
    let spool = queue.folder.run(run["run"].as_str().unwrap().parse().unwrap()).join("spool");
    let last = json!({"attempt": 1, "seq": 3, "reports": [finished("cancelled")]});
    std::fs::write(spool, format!("{last}\n")).unwrap();
    worker.kill();
    queue.until_status(job, JobStatus::Cancelled).await;
    drop(dir);
}

#[tokio::test]
async fn a_job_fails_that_runs_for_too_long() {
    let scene = Scene::begin().await;
    let job = queue_job(&scene.queue.store, json!({"timeout_seconds": 1})).await;
    scene.queue.jobs.reconsider();
    let worker = scene.worker(0).await;
    let run = worker.next().await;
    worker.report(&run, 1, json!([started()])).await;
    let failed = scene.queue.until_status(job, JobStatus::Failed).await;
    assert_eq!(failed.error.unwrap().kind.word(), "timeout");
}

#[tokio::test]
async fn jobs_wait_for_room_in_their_order() {
    let scene = Scene::begin().await;
    let wide = queue_job(&scene.queue.store, json!({"resources": {"threads": 2}})).await;
    let narrow = queue_job(&scene.queue.store, json!({})).await;
    scene.queue.jobs.reconsider();
    let worker = scene.worker(0).await;
    let run = worker.next().await;
    assert_eq!(run["job"], json!(wide.to_string()));
    assert_eq!(scene.queue.store.job(narrow).await.unwrap().status, JobStatus::Queued);
    assert_eq!(scene.queue.jobs.capacity().1.threads, 0);
    worker.report(&run, 1, json!([started(), finished("cancelled")])).await;
    assert_eq!(worker.next().await["job"], json!(narrow.to_string()));
}
