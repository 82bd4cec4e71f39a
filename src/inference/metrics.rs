//! What inference counts. Names and meanings of the `nv_` series are Triton's, so that its dashboards and
//! `perf_analyzer` read them; latencies are histograms beside them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

const BUCKETS: &[f64] = &[
    0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];
const LABELS: &[&str] = &["model", "version"];

/// Why a request had no answer, as Triton's `reason` says it.
const REJECTED: &str = "REJECTED";
const CANCELED: &str = "CANCELED";
const BACKEND: &str = "BACKEND";
const OTHER: &str = "OTHER";

/// Every series of inference, by model and version.
#[derive(Clone)]
pub struct Metrics {
    inferences: IntCounterVec,
    executions: IntCounterVec,
    successes: IntCounterVec,
    failures: IntCounterVec,
    request_us: IntCounterVec,
    queue_us: IntCounterVec,
    compute_us: IntCounterVec,
    pending: IntGaugeVec,
    request: HistogramVec,
    queue: HistogramVec,
    compute: HistogramVec,
    /// Memory that loaded models are counted with.
    pub memory: IntGauge,
    /// Versions loaded now.
    pub loaded: IntGauge,
    pub loads: IntCounter,
    pub unloads: IntCounter,
    /// What the series leave out and the protocol's statistics tell.
    tallies: Arc<Mutex<ByVersion>>,
}

/// By model and version.
type ByVersion = HashMap<(String, u32), Arc<Tallies>>;

/// Events of one sort, and the time that they took together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub count: u64,
    pub nanoseconds: u64,
}

impl Tally {
    fn add(&mut self, took: Duration) {
        self.count += 1;
        self.nanoseconds += nanos(took);
    }
}

/// What a version has done since the server started, as the protocol's statistics tell it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Microseconds since the epoch; 0 where nothing has been asked of it.
    pub last: u64,
    pub inferences: u64,
    pub executions: u64,
    pub success: Tally,
    pub fail: Tally,
    pub queue: Tally,
    pub compute_input: Tally,
    pub compute_infer: Tally,
    pub compute_output: Tally,
    /// Batches by their number of examples.
    pub batches: BTreeMap<usize, Tally>,
}

#[derive(Default)]
struct Tallies {
    last: AtomicU64,
    said: Mutex<Statistics>,
}

impl Tallies {
    fn change(&self, change: impl FnOnce(&mut Statistics)) {
        change(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Metrics {
    #[expect(clippy::expect_used, reason = "names and labels are constants that every test makes")]
    pub fn new() -> Self {
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels).expect("the series is well-formed")
        };
        let histogram = |name: &str, help: &str| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(BUCKETS.to_vec()), LABELS)
                .expect("the series is well-formed")
        };
        let plain = "the series is well-formed";
        Self {
            inferences: counter("nv_inference_count", "Examples that went through a model", LABELS),
            executions: counter("nv_inference_exec_count", "Batches that a model ran", LABELS),
            successes: counter("nv_inference_request_success", "Requests answered", LABELS),
            failures: counter(
                "nv_inference_request_failure",
                "Requests without an answer, by reason",
                &["model", "version", "reason"],
            ),
            request_us: counter(
                "nv_inference_request_duration_us",
                "Time from a request to its answer, cumulative, in microseconds",
                LABELS,
            ),
            queue_us: counter(
                "nv_inference_queue_duration_us",
                "Time that requests waited for a batch, cumulative, in microseconds",
                LABELS,
            ),
            compute_us: counter(
                "nv_inference_compute_infer_duration_us",
                "Time that requests spent in the model, cumulative, in microseconds",
                LABELS,
            ),
            pending: IntGaugeVec::new(
                Opts::new("nv_inference_pending_request_count", "Requests that wait for a batch"),
                LABELS,
            )
            .expect(plain),
            request: histogram("lyceum_inference_request_seconds", "Time from a request to its answer"),
            queue: histogram("lyceum_inference_queue_seconds", "Time that a request waited for a batch"),
            compute: histogram("lyceum_inference_compute_seconds", "Time of one batch in the model"),
            memory: IntGauge::new(
                "lyceum_inference_memory_bytes",
                "Memory that loaded models are counted with",
            )
            .expect(plain),
            loaded: IntGauge::new("lyceum_inference_models_loaded", "Versions loaded now").expect(plain),
            loads: IntCounter::new("lyceum_inference_loads_total", "Versions loaded so far").expect(plain),
            unloads: IntCounter::new("lyceum_inference_unloads_total", "Versions unloaded so far")
                .expect(plain),
            tallies: Arc::default(),
        }
    }

    pub fn register(&self, registry: &Registry) -> prometheus::Result<()> {
        let collectors: [Box<dyn Collector>; 15] = [
            Box::new(self.inferences.clone()),
            Box::new(self.executions.clone()),
            Box::new(self.successes.clone()),
            Box::new(self.failures.clone()),
            Box::new(self.request_us.clone()),
            Box::new(self.queue_us.clone()),
            Box::new(self.compute_us.clone()),
            Box::new(self.pending.clone()),
            Box::new(self.request.clone()),
            Box::new(self.queue.clone()),
            Box::new(self.compute.clone()),
            Box::new(self.memory.clone()),
            Box::new(self.loaded.clone()),
            Box::new(self.loads.clone()),
            Box::new(self.unloads.clone()),
        ];
        collectors.into_iter().try_for_each(|collector| registry.register(collector))
    }

    /// The series of one version, looked up once and not at each request.
    pub fn of(&self, model: &str, version: u32) -> Counters {
        let tallies = self.tallies(model, version);
        let version = version.to_string();
        let labels = &[model, version.as_str()];
        let failures = |reason| self.failures.with_label_values(&[model, version.as_str(), reason]);
        Counters(Arc::new(Series {
            inferences: self.inferences.with_label_values(labels),
            executions: self.executions.with_label_values(labels),
            successes: self.successes.with_label_values(labels),
            rejected: failures(REJECTED),
            canceled: failures(CANCELED),
            backend: failures(BACKEND),
            other: failures(OTHER),
            request_us: self.request_us.with_label_values(labels),
            queue_us: self.queue_us.with_label_values(labels),
            compute_us: self.compute_us.with_label_values(labels),
            pending: self.pending.with_label_values(labels),
            request: self.request.with_label_values(labels),
            queue: self.queue.with_label_values(labels),
            compute: self.compute.with_label_values(labels),
            tallies,
        }))
    }

    fn tallies(&self, model: &str, version: u32) -> Arc<Tallies> {
        let mut all = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry((model.to_owned(), version)).or_default().clone()
    }

    /// What a version has done so far.
    pub fn statistics(&self, model: &str, version: u32) -> Statistics {
        let tallies = self.tallies(model, version);
        let mut said = tallies.said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        said.last = tallies.last.load(Ordering::Relaxed);
        // The protocol tells a request's parts when it is answered: `perf_analyzer` ends where their counts differ, as
        // they do while some are on the way. The time of these is a part of some sums already.
        let answered = said.success.count;
        for part in
            [&mut said.queue, &mut said.compute_input, &mut said.compute_infer, &mut said.compute_output]
        {
            part.count = answered;
        }
        said
    }

    /// A deleted version's series end.
    pub fn forget(&self, model: &str, version: u32) {
        let mut tallies = self.tallies.lock().unwrap_or_else(PoisonError::into_inner);
        tallies.remove(&(model.to_owned(), version));
        drop(tallies);
        let version = version.to_string();
        let labels = &[model, version.as_str()];
        for counters in [
            &self.inferences,
            &self.executions,
            &self.successes,
            &self.request_us,
            &self.queue_us,
            &self.compute_us,
        ] {
            _ = counters.remove_label_values(labels);
        }
        for reason in [REJECTED, CANCELED, BACKEND, OTHER] {
            _ = self.failures.remove_label_values(&[model, version.as_str(), reason]);
        }
        for histograms in [&self.request, &self.queue, &self.compute] {
            _ = histograms.remove_label_values(labels);
        }
        _ = self.pending.remove_label_values(labels);
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// A handle on the series of one version.
#[derive(Clone)]
pub struct Counters(Arc<Series>);

impl std::ops::Deref for Counters {
    type Target = Series;

    fn deref(&self) -> &Series {
        &self.0
    }
}

/// The series of one version.
pub struct Series {
    pub inferences: IntCounter,
    pub executions: IntCounter,
    successes: IntCounter,
    rejected: IntCounter,
    canceled: IntCounter,
    backend: IntCounter,
    other: IntCounter,
    request_us: IntCounter,
    queue_us: IntCounter,
    compute_us: IntCounter,
    pub pending: IntGauge,
    request: Histogram,
    queue: Histogram,
    compute: Histogram,
    tallies: Arc<Tallies>,
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Answered,
    Rejected,
    Canceled,
    /// The model failed.
    Failed,
    /// The body was refused, or anything else.
    Other,
}

impl Counters {
    pub fn ended(&self, ending: Ending, took: Duration) {
        self.tallies.last.store(crate::clock::now_us().unsigned_abs(), Ordering::Relaxed);
        self.tallies.change(|said| {
            if ending == Ending::Answered { &mut said.success } else { &mut said.fail }.add(took);
        });
        match ending {
            Ending::Answered => {
                self.successes.inc();
                self.request_us.inc_by(micros(took));
                self.request.observe(took.as_secs_f64());
            }
            Ending::Rejected => self.rejected.inc(),
            Ending::Canceled => self.canceled.inc(),
            Ending::Failed => self.backend.inc(),
            Ending::Other => self.other.inc(),
        }
    }

    /// A batch of `examples` out of `requests` ran.
    pub fn ran(&self, examples: usize, requests: usize, took: Duration) {
        self.executions.inc();
        self.inferences.inc_by(examples as u64);
        self.compute_us.inc_by(micros(took) * requests as u64);
        self.compute.observe(took.as_secs_f64());
        self.tallies.change(|said| {
            said.inferences += examples as u64;
            said.executions += 1;
            said.compute_infer.count += requests as u64;
            said.compute_infer.nanoseconds += nanos(took) * requests as u64;
            said.batches.entry(examples).or_default().add(took);
        });
    }

    /// How long it took to bring a request's tensors into the network's form, and what that put out into the data's terms.
    pub fn converted(&self, inputs: Duration, outputs: Duration) {
        self.tallies.change(|said| {
            said.compute_input.add(inputs);
            said.compute_output.add(outputs);
        });
    }

    pub fn waited(&self, time: Duration) {
        self.queue_us.inc_by(micros(time));
        self.queue.observe(time.as_secs_f64());
        self.tallies.change(|said| said.queue.add(time));
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
