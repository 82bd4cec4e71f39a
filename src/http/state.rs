//! What every route may reach.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::{Mutex, Semaphore};
use tokio_util::sync::CancellationToken;

use super::access::Access;
use super::admission::Admission;
use super::attention::Attention;
use super::audit::Audit;
use super::figures::Figures;
use super::idempotency::InFlight;
use super::long_work::LongWork;
use super::problem::Problem;
use super::tls::Tls;
use crate::artifacts::Artifacts;
use crate::clock;
use crate::config::Config;
use crate::inference::Inference;
use crate::jobs::Jobs;
use crate::store::Store;
use crate::telemetry::{Metrics, Traces};

/// A cheap handle on the parts of the running server.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

/// The parts of the running server.
pub struct Parts {
    pub config: Config,
    /// When the server began.
    pub(crate) started: Instant,
    pub metrics: Metrics,
    pub(crate) figures: Figures,
    /// Where requests are told of.
    pub(crate) traces: Traces,
    pub store: Store,
    pub artifacts: Artifacts,
    pub jobs: Jobs,
    pub inference: Inference,
    pub(crate) access: Access,
    pub(crate) audit: Audit,
    /// How connections are encrypted, where they are.
    pub(crate) tls: Option<Tls>,
    /// Cancelled when the server ends, so that streams do.
    pub closing: CancellationToken,
    /// Idempotency keys of requests under way.
    pub(crate) in_flight: InFlight,
    /// Who is let in.
    pub(crate) admission: Admission,
    /// Turns for requests that compute for long.
    pub(crate) long_work: LongWork,
    /// Turns for reading long bodies.
    pub(crate) reading: Semaphore,
    pub(crate) attention: Arc<Attention>,
    /// Room for streams of events.
    pub(crate) streams: Arc<Semaphore>,
    /// Room for uploads.
    pub(crate) uploads: Arc<Semaphore>,
    /// Held while it is found out whether the server is ready.
    pub(crate) checks: Arc<Mutex<Checks>>,
}

/// What was found of whether the server is ready.
pub(crate) struct Checks {
    /// When the second began in which they are counted.
    pub(crate) since: Instant,
    /// How many were made in it.
    pub(crate) made: u32,
    /// When the last one ended, and what it found.
    pub(crate) last: Option<(Instant, Result<(), Problem>)>,
}

/// What stands between the network and the routes.
pub(super) struct Gate {
    pub(super) tls: Option<Tls>,
    pub(super) access: Access,
    pub(super) audit: Audit,
    pub(super) traces: Traces,
}

impl AppState {
    pub(super) fn new(
        config: Config,
        store: Store,
        artifacts: Artifacts,
        jobs: Jobs,
        inference: Inference,
        gate: Gate,
    ) -> Result<Self, prometheus::Error> {
        let metrics = Metrics::new();
        inference.metrics().register(metrics.registry())?;
        store.counts().register(metrics.registry())?;
        metrics.registry().register(Box::new(jobs.leases_lost().clone()))?;
        metrics.registry().register(Box::new(gate.audit.lost().clone()))?;
        let closing = CancellationToken::new();
        let started = clock::monotonic();
        Ok(Self(Arc::new(Parts {
            started,
            checks: Arc::new(Mutex::new(Checks { since: started, made: 0, last: None })),
            in_flight: InFlight::default(),
            admission: Admission::new(config.http.requests),
            long_work: LongWork::new(),
            reading: Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)),
            attention: Attention::new(),
            streams: Arc::new(Semaphore::new(config.http.streams)),
            uploads: Arc::new(Semaphore::new(config.http.uploads)),
            config,
            figures: Figures::new(metrics.registry()),
            metrics,
            store,
            artifacts,
            jobs,
            inference,
            access: gate.access,
            audit: gate.audit,
            traces: gate.traces,
            tls: gate.tls,
            closing,
        })))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
