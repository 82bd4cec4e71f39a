//! The state machines of jobs, runs and model versions: the tables in `docs/state-machines.md` are what the store does,
//! and whatever order things happen in, nothing is lost, doubled or undone.

mod random;
mod tables;

use lyceum::clock::now_us;
use lyceum::spec::report::{Control, ErrorKind, Fingerprint, Outcome, Point, Report, RunError};
use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::store::{Capacity, Claim, Created, JobId, NewJob, Store, StoreError};
use serde_json::json;
use tempfile::TempDir;

async fn open(folder: &TempDir) -> Store {
    Store::open(&folder.path().join("lyceum.db")).await.unwrap()
}

async fn post(store: &Store, max_attempts: u32) -> JobId {
    let body = json!({
        "name": "a", "training": {"method": "supervised"}, "seed": 1, "max_attempts": max_attempts,
    });
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
        Created::Now(job) => job.id,
        Created::Before(_) => unreachable!(),
    }
}

async fn claim(store: &Store) -> Option<Claim> {
    store.claim(Capacity { threads: 1 << 20, memory_mb: 1 << 30, gpus: Vec::new() }).await.unwrap()
}

async fn tell(store: &Store, run: &Claim, seq: u64, reports: Vec<Report>) -> Result<Control, StoreError> {
    store.report(run.run, run.attempt, seq, now_us(), reports).await
}

fn started(from_step: u64) -> Report {
    Report::Started { device: "cpu".into(), threads: 1, fingerprint: Fingerprint::default(), from_step }
}

fn point(step: u64) -> Report {
    let point = Point { name: "loss".into(), step, epoch: 0.0, time: 0, value: step as f64 };
    Report::Metrics { points: vec![point] }
}

fn model(run: &Claim) -> Report {
    let key = format!("models/{}/{}", run.job, run.attempt);
    Report::Model {
        output: String::new(),
        key,
        sha256: "00".into(),
        bytes: 1,
        metrics: std::iter::empty().collect(),
    }
}

fn finished(outcome: Outcome) -> Report {
    Report::Finished { outcome }
}

fn error(kind: ErrorKind) -> RunError {
    RunError { kind, detail: "it did".into(), hint: None }
}
