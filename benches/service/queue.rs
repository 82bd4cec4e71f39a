//! A long queue: what it costs to look at it, to take a job from it, and to hold it.

use std::path::Path;
use std::time::Duration;

use futures::future::join_all;
use lyceum::clock::monotonic;
use lyceum::jobs::DataFolder;
use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::store::{Capacity, NewJob, Store};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::server::{Server, signal};
use crate::table::{Figures, Table, Target};

const JOBS: usize = 100_000;
/// Handed to the writer together.
const TOGETHER: usize = 1_000;
const ROUNDS: usize = 51;
/// One run at a time, which may be silent for as long as this measures.
pub(crate) const LIMITS: [&str; 8] =
    ["--idle-workers", "0", "--threads", "1", "--run-lease-seconds", "3600", "--queue", "1000000"];

pub(crate) fn body() -> Value {
    json!({"name": "queued", "seed": 1, "resources": {"device": "cpu"}, "training": {
        "method": "supervised", "dataset": {"name": "iris", "version": 1, "target": "species"},
        "model": {"layers": [{"type": "dense", "units": 3, "activation": "softmax"}]},
        "loss": "categorical_cross_entropy", "epochs": 1_000_000}})
}

pub(crate) async fn fill(database: &Path, jobs: usize) {
    let store = Store::open(database).await.expect("a store");
    let spec = JobSpec::read_body(&body(), &mut SpecErrors::new()).expect("the body is right");
    let new = NewJob {
        spec: spec.into(),
        posted: body().to_string(),
        datasets: vec![("iris".into(), 1)],
        parents: lyceum::store::JobParents::default(),
        poster: None,
        trace: None,
    };
    for _ in 0..jobs / TOGETHER {
        let made = join_all((0..TOGETHER).map(|_| store.create_job(new.clone(), None))).await;
        for job in made {
            job.expect("a job");
        }
    }
    store.close().await;
}

async fn milliseconds(mut of: impl AsyncFnMut()) -> Figures {
    let mut figures = Vec::new();
    for _ in 0..ROUNDS {
        let began = monotonic();
        of().await;
        figures.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Figures::new(figures)
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &LIMITS).await;
    server.has_dataset("iris").await;
    // The first job holds the only place, and is halted so that nothing but the queue is measured.
    let first = server.submit(&body()).await;
    server.events(&first).await.until("step_loss").await;
    let workers = server.workers();
    for pid in &workers {
        signal(*pid, Signal::STOP);
    }
    let page = async |server: &Server| drop(server.get("/v1/jobs").await);
    milliseconds(async || page(&server).await).await;
    let (before, _) = server.memory();
    server.abandon().await;

    let database = DataFolder::open(folder.path()).expect("the folder").database();
    fill(&database, JOBS).await;
    let server = Server::start(folder.path(), &LIMITS).await;
    let pages = milliseconds(async || page(&server).await).await;
    table.row("first page of 100,000 queued jobs", &pages, 1, "ms", Target::AtMost(20.0));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let more = Figures::new(vec![server.memory().0 - before]);
    table.row("more memory with 100,000 queued jobs", &more, 0, "MB", Target::AtMost(50.0));
    drop(server);
    for pid in workers {
        signal(pid, Signal::KILL);
    }

    let store = Store::open(&database).await.expect("a store");
    let claims = milliseconds(async || {
        let free = Capacity { threads: 1, memory_mb: 1 << 20, gpus: Vec::new() };
        store.claim(free).await.expect("a claim").expect("a job waits");
    });
    table.row("a job claimed of 100,000", &claims.await, 2, "ms", Target::AtMost(2.0));
    store.close().await;
}
