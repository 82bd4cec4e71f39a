//! What the store does in a second: jobs made durable, metric points kept, long series read.
#![expect(clippy::expect_used, reason = "a measurement that cannot begin may end so")]

use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lyceum::clock::monotonic;
use lyceum::spec::report::{Fingerprint, Point, Report};
use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::store::{Capacity, Claim, Created, NewJob, SeriesQuery, Store};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::Runtime;

const CLIENTS: u64 = 16;
const BATCH: u64 = 1_000;
const LONG: u64 = 1_000_000;

fn job() -> NewJob {
    let layers = json!([{"type": "dense", "units": 128}, {"type": "dense", "units": 10}]);
    let body = json!({"name": "bench", "seed": 1, "labels": {"course": "bench"},
        "training": {"method": "supervised", "dataset": {"name": "mnist", "target": "label"},
                     "model": {"layers": layers}, "epochs": 5, "batch_size": 64}});
    let spec = JobSpec::read_body(&body, &mut SpecErrors::new()).expect("the body is right");
    NewJob {
        spec: spec.into(),
        posted: body.to_string(),
        datasets: Vec::new(),
        parents: lyceum::store::JobParents::default(),
        poster: None,
        trace: None,
    }
}

fn open(runtime: &Runtime) -> (TempDir, Store) {
    // Beside the build products: where temporary files stand may be memory.
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let store = runtime.block_on(Store::open(&folder.path().join("lyceum.db"))).expect("a store");
    (folder, store)
}

async fn run(store: &Store) -> Claim {
    let Ok(Created::Now(_)) = store.create_job(job(), None).await else { panic!("no job") };
    let free = Capacity { threads: 64, memory_mb: 1 << 20, gpus: Vec::new() };
    let claim = store.claim(free).await.expect("a claim").expect("a job waits");
    let started = Report::Started {
        device: "cpu".into(),
        threads: 1,
        fingerprint: Fingerprint::default(),
        from_step: 0,
    };
    store.report(claim.run, claim.attempt, 1, 0, vec![started]).await.expect("a report");
    claim
}

fn points(steps: std::ops::Range<u64>) -> Vec<Report> {
    let point = |step| Point {
        name: "step_loss".into(),
        step,
        epoch: step as f64 / 938.0,
        time: step as i64,
        value: (step as f64).sin(),
    };
    vec![Report::Metrics { points: steps.map(point).collect() }]
}

/// The time that `count` batches take in their order.
async fn tell(store: &Store, claim: &Claim, seq: &mut u64, count: u64) -> Duration {
    let began = monotonic();
    for _ in 0..count {
        *seq += 1;
        let from = (*seq - 2) * BATCH;
        store.report(claim.run, claim.attempt, *seq, 0, points(from..from + BATCH)).await.expect("a report");
    }
    began.elapsed()
}

fn jobs_durable(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (_folder, store) = open(&runtime);
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(CLIENTS)).measurement_time(Duration::from_secs(5)).sample_size(20);
    group.bench_function("jobs from 16 clients", |bench| {
        bench.iter_custom(|rounds| {
            runtime.block_on(async {
                let began = monotonic();
                let clients = (0..CLIENTS).map(|_| {
                    let (store, new) = (store.clone(), job());
                    tokio::spawn(async move {
                        for _ in 0..rounds {
                            store.create_job(new.clone(), None).await.expect("a job");
                        }
                    })
                });
                futures::future::join_all(clients.collect::<Vec<_>>()).await;
                began.elapsed()
            })
        });
    });
}

fn metric_points(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (_folder, store) = open(&runtime);
    let claim = runtime.block_on(run(&store));
    let mut seq = 1;
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(BATCH)).measurement_time(Duration::from_secs(3)).sample_size(20);
    group.bench_function("metric points by the thousand", |bench| {
        bench.iter_custom(|rounds| runtime.block_on(tell(&store, &claim, &mut seq, rounds)));
    });
}

fn long_series(c: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    let (_folder, store) = open(&runtime);
    let claim = runtime.block_on(run(&store));
    runtime.block_on(tell(&store, &claim, &mut 1, LONG / BATCH));
    let query = SeriesQuery { job: claim.job, name: None, run: None, since_step: None, max_points: 1_000 };
    let mut group = c.benchmark_group("store");
    group.throughput(Throughput::Elements(LONG)).measurement_time(Duration::from_secs(3)).sample_size(20);
    group.bench_function("a million points read as a thousand", |bench| {
        bench.iter(|| {
            let series = runtime.block_on(store.series(query.clone())).expect("a series");
            assert!(series[0].points.len() <= 1_000);
        });
    });
}

criterion_group!(benches, jobs_durable, metric_points, long_series);
criterion_main!(benches);
