//! Points of a metric that are stored in a second, and how soon a long series is read.

use lyceum::clock::monotonic;
use lyceum::jobs::DataFolder;
use lyceum::spec::report::{Fingerprint, Outcome, Point, Report};
use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::store::{Capacity, Created, NewJob, Store};
use serde_json::json;

use crate::server::Server;
use crate::table::{Figures, Table, Target};

const ALL: u64 = 1_000_000;
const BATCH: u64 = 1_000;
/// Batches over which one figure is taken.
const TOGETHER: u64 = 100;
const READS: usize = 31;

/// Stores so many points of a run as its worker reports them, and answers the job.
pub(crate) async fn store(store: &Store, all: u64, rates: &mut Vec<f64>) -> String {
    let body = json!({"name": "long", "seed": 1, "training": {
        "method": "supervised", "dataset": {"name": "iris", "target": "species"},
        "model": {"layers": [{"type": "dense", "units": 3}]}}});
    let spec = JobSpec::read_body(&body, &mut SpecErrors::new()).expect("the body is right");
    let new = NewJob {
        spec: spec.into(),
        posted: body.to_string(),
        datasets: Vec::new(),
        parents: lyceum::store::JobParents::default(),
        poster: None,
        trace: None,
    };
    let Ok(Created::Now(job)) = store.create_job(new, None).await else { panic!("no job") };
    let free = Capacity { threads: 64, memory_mb: 1 << 20, gpus: Vec::new() };
    let claim = store.claim(free).await.expect("a claim").expect("a job waits");
    let mut seq = 0;
    let mut report = async |reports| {
        seq += 1;
        store.report(claim.run, claim.attempt, seq, 0, reports).await.expect("a report");
    };
    let fingerprint = Fingerprint::default();
    report(vec![Report::Started { device: "cpu".into(), threads: 1, fingerprint, from_step: 0 }]).await;
    let together = TOGETHER.min(all / BATCH);
    for round in 0..all / BATCH / together {
        let batches: Vec<Vec<Report>> = (0..together).map(|batch| points(round * together + batch)).collect();
        let began = monotonic();
        for batch in batches {
            report(batch).await;
        }
        rates.push((BATCH * together) as f64 / began.elapsed().as_secs_f64());
    }
    report(vec![Report::Finished { outcome: Outcome::Cancelled }]).await;
    job.id.to_string()
}

fn points(batch: u64) -> Vec<Report> {
    let point = |step| Point {
        name: "step_loss".into(),
        step,
        epoch: step as f64 / 938.0,
        time: step.cast_signed(),
        value: (step as f64).sin(),
    };
    vec![Report::Metrics { points: (batch * BATCH + 1..=(batch + 1) * BATCH).map(point).collect() }]
}

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let data = DataFolder::open(folder.path()).expect("a data folder");
    let opened = Store::open(&data.database()).await.expect("a store");
    let mut rates = Vec::new();
    let job = store(&opened, ALL, &mut rates).await;
    opened.close().await;
    drop(data);
    let rates = Figures::new(rates);
    table.row("metric points stored, by the thousand", &rates, 0, "/s", Target::AtLeast(200_000.0));

    let server = Server::start(folder.path(), &["--idle-workers", "0"]).await;
    server.has_dataset("mnist").await;
    let path = format!("/v1/jobs/{job}/metrics?max_points=1000");
    let mut reads = Vec::new();
    for _ in 0..READS {
        let began = monotonic();
        let series = server.get(&path).await;
        reads.push(began.elapsed().as_secs_f64() * 1e3);
        let points = series["data"][0]["points"].as_array().expect("points");
        assert!(points.len() <= 1_000 && points[points.len() - 1][0] == ALL);
    }
    let reads = Figures::new(reads);
    table.row("a million points read as a thousand, over HTTP", &reads, 1, "ms", Target::AtMost(50.0));
}
