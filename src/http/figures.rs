//! What is counted at the server's door, and what is looked up when Prometheus asks.

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};

use super::AppState;
use super::problem::REFUSALS;
use crate::clock;
use crate::store::{JobStatus, StoreError};
use crate::telemetry::{counter, registered};

pub(crate) struct Figures {
    /// Requests that were refused because there was too much to do, by what there was no room in.
    pub(super) refused: IntCounterVec,
    /// Connections whose client took nothing of its answer.
    pub(super) slow_readers: IntCounter,
    in_flight: IntGauge,
    refused_share: Gauge,
    queue_depth: IntGauge,
    queue_oldest: Gauge,
    runs: IntGaugeVec,
    folder: IntGauge,
    budget: IntGauge,
}

impl Figures {
    #[expect(clippy::expect_used, reason = "names and labels are written here, and a test makes them all")]
    pub(super) fn new(registry: &Registry) -> Self {
        let plain = "a valid metric";
        let gauge = |name, help| registered(registry, IntGauge::new(name, help).expect(plain));
        let refused = registered(
            registry,
            counter(
                "lyceum_http_refused_total",
                "Requests refused for want of room, by what was full.",
                &["reason"],
            ),
        );
        for reason in REFUSALS {
            refused.with_label_values(&[reason]);
        }
        let slow = IntCounter::new(
            "lyceum_slow_readers_cut_total",
            "Connections cut because the client took nothing of its answer, such as a stream of events.",
        );
        let oldest = Gauge::new(
            "lyceum_queue_oldest_age_seconds",
            "Seconds since the oldest waiting job was posted; 0 where none waits.",
        );
        let share = Gauge::new(
            "lyceum_http_refused_share",
            "The share of requests that is refused because more is asked than can be answered.",
        );
        let runs =
            IntGaugeVec::new(Opts::new("lyceum_runs", "Runs that have not ended, by status."), &["status"]);
        Self {
            refused,
            slow_readers: registered(registry, slow.expect(plain)),
            in_flight: gauge("lyceum_http_requests_in_flight", "Requests that are being answered."),
            refused_share: registered(registry, share.expect(plain)),
            queue_depth: gauge("lyceum_queue_depth", "Jobs that wait for a run, retries among them."),
            queue_oldest: registered(registry, oldest.expect(plain)),
            runs: registered(registry, runs.expect(plain)),
            folder: gauge("lyceum_data_folder_bytes", "Bytes in the data folder, when it was last measured."),
            budget: gauge(
                "lyceum_data_folder_budget_bytes",
                "Bytes that the data folder may hold; 0 for as many as there is room for.",
            ),
        }
    }

    /// Looks everything up that is not counted as it happens. None of it takes longer where there are more jobs.
    pub(crate) async fn measure(&self, state: &AppState) -> Result<(), StoreError> {
        let standing = state.store.standing().await?;
        for status in JobStatus::ALL {
            let count = standing.jobs.iter().find(|(counted, _)| counted == status);
            state.metrics.jobs(status.word(), count.map_or(0, |(_, count)| *count));
        }
        self.queue_depth.set(standing.waiting as i64);
        let age = standing.oldest.map_or(0, |posted| (clock::now_us() - posted).max(0));
        self.queue_oldest.set(age as f64 / 1e6);
        self.runs.with_label_values(&["starting"]).set(standing.starting as i64);
        self.runs.with_label_values(&["running"]).set(standing.running as i64);
        let free = state.admission.free();
        self.in_flight.set(state.config.http.requests.saturating_sub(free) as i64);
        self.refused_share.set(state.admission.refused_share());
        let (used, budget) = state.jobs.usage();
        self.folder.set(i64::try_from(used).unwrap_or(i64::MAX));
        self.budget.set(i64::try_from(budget).unwrap_or(i64::MAX));
        Ok(())
    }
}
