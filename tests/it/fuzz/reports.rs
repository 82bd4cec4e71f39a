//! Batches of reports, as a worker posts them: none harms the server, and what is stored can be read.

use std::time::{Duration, Instant};

use lyceum::artifacts::Artifacts;
use lyceum::store::{JobId, SeriesQuery};
use serde_json::{Value, json};

use super::Check;
use crate::jobs::protocol::{Scene, Stand, path, queue_job};

/// The process that stands for the worker lives longer than this.
const AGE: Duration = Duration::from_secs(40);
/// A file that no report is about.
const BYSTANDER: &str = "models/bystander";

pub(super) fn open() -> Check {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut line: Option<Line> = None;
    Box::new(move |bytes| {
        runtime.block_on(async {
            if line.as_ref().is_none_or(|line| line.begun.elapsed() > AGE) {
                line = Some(Line::begin().await);
            }
            line.as_mut().unwrap().take(bytes).await;
        });
    })
}

/// A worker with a run, and the server that it reports to.
struct Line {
    scene: Scene,
    worker: Stand,
    run: Value,
    /// Of the last batch that was taken.
    seq: u64,
    begun: Instant,
}

impl Line {
    async fn begin() -> Self {
        let scene = Scene::begin().await;
        let artifacts = Artifacts::open(&scene.queue.folder.artifacts()).unwrap();
        artifacts.put_bytes(BYSTANDER, "here".into()).await.unwrap();
        queue_job(&scene.queue.store, json!({})).await;
        scene.queue.jobs.reconsider();
        let worker = scene.worker(0).await;
        let run = worker.next().await;
        Self { scene, worker, run, seq: 0, begun: Instant::now() }
    }

    async fn post(&self, body: &[u8]) -> u16 {
        let token = self.run["token"].as_str().unwrap();
        self.worker.send(&path(&self.run, "reports"), token, body.to_vec()).await.0
    }

    async fn take(&mut self, bytes: &[u8]) {
        let body = match serde_json::from_slice(bytes) {
            Ok(Value::Object(mut batch)) => {
                batch.insert("attempt".into(), self.run["attempt"].clone());
                batch.insert("seq".into(), json!(self.seq + 1));
                serde_json::to_vec(&batch).unwrap()
            }
            _ => bytes.to_vec(),
        };
        let over = match self.post(&body).await {
            200 => {
                self.seq += 1;
                let again = self.post(&body).await;
                assert!([200, 410].contains(&again), "the same batch again: {again}");
                again == 410
            }
            410 => true,
            status => {
                assert!([400, 413, 422].contains(&status), "{status}");
                false
            }
        };
        self.read().await;
        if over {
            queue_job(&self.scene.queue.store, json!({})).await;
            self.scene.queue.jobs.reconsider();
            (self.run, self.seq) = (self.worker.next().await, 0);
        }
    }

    /// What was stored is there to be shown, and what was there before still is.
    async fn read(&self) {
        let store = &self.scene.queue.store;
        let job: JobId = self.run["job"].as_str().unwrap().parse().unwrap();
        serde_json::to_vec(&store.job(job).await.unwrap().spec).unwrap();
        let query = SeriesQuery { job, name: None, run: None, since_step: None, max_points: 100 };
        store.series(query).await.unwrap();
        store.checkpoints(job).await.unwrap();
        store.events(Some(job), 0, 1_000).await.unwrap();
        let artifacts = Artifacts::open(&self.scene.queue.folder.artifacts()).unwrap();
        assert_eq!(artifacts.get(BYSTANDER).await.unwrap(), "here");
    }
}
