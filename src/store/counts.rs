//! What the store counts of itself and of what is reported to it, for the metrics. Only what is committed counts.

use prometheus::core::Collector;
use prometheus::{Histogram, HistogramOpts, IntCounter, IntCounterVec, Registry};

use super::RunStatus;
use crate::telemetry;

const COMMANDS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];
const SECONDS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5];

/// Cheap handles on the counters.
#[derive(Clone)]
pub struct Counts {
    pub(super) runs_finished: IntCounterVec,
    pub(super) steps: IntCounter,
    pub(super) retries: IntCounter,
    pub(super) commands: Histogram,
    pub(super) commit: Histogram,
    pub(super) failed: IntCounter,
}

/// What a command adds to the counters once it is committed.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) steps: u64,
    pub(super) retries: u64,
}

impl Tally {
    pub(super) fn append(&mut self, more: &mut Self) {
        self.steps += std::mem::take(&mut more.steps);
        self.retries += std::mem::take(&mut more.retries);
    }
}

impl Counts {
    #[expect(clippy::expect_used, reason = "names are constants that every test makes")]
    pub(super) fn new() -> Self {
        let plain = "the series is well-formed";
        let counter = |name, help| IntCounter::new(name, help).expect(plain);
        let histogram = |name: &str, help: &str, buckets: &[f64]| {
            Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets.to_vec())).expect(plain)
        };
        let runs_finished =
            telemetry::counter("lyceum_runs_finished_total", "Runs that ended, by how.", &["status"]);
        for status in RunStatus::ALL.iter().filter(|status| status.ended()) {
            runs_finished.with_label_values(&[status.word()]);
        }
        Self {
            runs_finished,
            steps: counter("lyceum_steps_trained_total", "Steps that runs reported as trained."),
            retries: counter("lyceum_job_retries_total", "Jobs put back into the queue after a run failed."),
            commands: histogram(
                "lyceum_store_batch_commands",
                "Changes that were committed to the database together.",
                COMMANDS,
            ),
            commit: histogram(
                "lyceum_store_commit_seconds",
                "Seconds that the commit of a batch of changes took.",
                SECONDS,
            ),
            failed: counter(
                "lyceum_store_batches_failed_total",
                "Batches of changes that were not committed.",
            ),
        }
    }

    pub(super) fn add(&self, tally: &Tally) {
        self.steps.inc_by(tally.steps);
        self.retries.inc_by(tally.retries);
    }

    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        let collectors: [Box<dyn Collector>; 6] = [
            Box::new(self.runs_finished.clone()),
            Box::new(self.steps.clone()),
            Box::new(self.retries.clone()),
            Box::new(self.commands.clone()),
            Box::new(self.commit.clone()),
            Box::new(self.failed.clone()),
        ];
        collectors.into_iter().try_for_each(|collector| registry.register(collector))
    }
}
