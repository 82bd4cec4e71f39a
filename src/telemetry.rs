//! What the server tells of itself: the log, on stderr, and the metrics that Prometheus reads.

mod traces;

use std::io::IsTerminal as _;

use prometheus::{
    Encoder, Gauge, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};
use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

pub use traces::{Span, TraceContext, Traces};

/// Starts the log. Panics are logged like any failure, with their place.
pub fn init(settings: &Log) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(&settings.log).map_err(|error| format!("the log filter is wrong: {error}"))?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match settings.log_format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().try_init(),
    }
    .map_err(|error| format!("the log cannot start: {error}"))?;
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let message = panic.payload_as_str().unwrap_or("a panic");
        tracing::error!(place, "{message}");
    }));
    Ok(())
}

/// The metrics that Prometheus reads.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    latency: HistogramVec,
    pub streams: IntGauge,
    jobs: IntGaugeVec,
    memory: IntGauge,
    cpu: Gauge,
    descriptors: IntGauge,
    threads: IntGauge,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    #[expect(clippy::expect_used, reason = "names and labels are written here, and a test makes them all")]
    pub fn new() -> Self {
        let registry = Registry::new();
        let gauge = |name, help| registered(&registry, IntGauge::new(name, help).expect("a valid metric"));
        let (streams, memory) = (
            gauge("lyceum_event_streams", "Open streams of events."),
            gauge("process_resident_memory_bytes", "Resident memory in bytes."),
        );
        let (descriptors, threads) = (
            gauge("process_open_fds", "Open file descriptors."),
            gauge("process_threads", "Threads of the process."),
        );
        let cpu = Gauge::new("process_cpu_seconds", "User and system CPU time of the process in seconds.")
            .expect("a valid metric");
        let requests =
            counter("lyceum_http_requests_total", "Requests answered.", &["method", "route", "status"]);
        let buckets = vec![
            0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
            5.0, 10.0,
        ];
        let options =
            HistogramOpts::new("lyceum_http_request_seconds", "Seconds until the head of the answer.")
                .buckets(buckets);
        let latency = HistogramVec::new(options, &["method", "route"]).expect("a valid metric");
        let jobs = IntGaugeVec::new(Opts::new("lyceum_jobs", "Jobs by status."), &["status"])
            .expect("a valid metric");
        Self {
            requests: registered(&registry, requests),
            latency: registered(&registry, latency),
            streams,
            jobs: registered(&registry, jobs),
            memory,
            cpu: registered(&registry, cpu),
            descriptors,
            threads,
            registry,
        }
    }

    /// Where the parts of the server add their own.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts an answered request. What no route matched is counted together, or a scanner would fill the memory.
    pub fn request(&self, method: &str, route: Option<&str>, status: u16, seconds: f64) {
        let method = match method {
            known @ ("GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS") => known,
            _ => "other",
        };
        let route = route.unwrap_or("none");
        self.requests.with_label_values(&[method, route, &status.to_string()]).inc();
        self.latency.with_label_values(&[method, route]).observe(seconds);
    }

    /// Says how many jobs there are of a status.
    pub fn jobs(&self, status: &str, count: u64) {
        self.jobs.with_label_values(&[status]).set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// Everything in Prometheus's text form, the process measured now.
    pub fn render(&self) -> Result<String, prometheus::Error> {
        self.measure_process();
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        String::from_utf8(text).map_err(|error| prometheus::Error::Msg(error.to_string()))
    }

    /// What Linux tells of this process under `/proc`; elsewhere the figures stay 0.
    fn measure_process(&self) {
        let page = rustix::param::page_size() as i64;
        if let Ok(statm) = std::fs::read_to_string("/proc/self/statm")
            && let Some(pages) = statm.split(' ').nth(1).and_then(|pages| pages.parse::<i64>().ok())
        {
            self.memory.set(pages * page);
        }
        if let Ok(stat) = std::fs::read_to_string("/proc/self/stat")
            && let Some((_, stat)) = stat.rsplit_once(") ")
        {
            // Behind the name: state, ppid, …; utime, stime and num_threads are the 12th, 13th and 18th of them.
            let fields: Vec<f64> = stat.split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
            if let [user, system] = fields.get(11..13).unwrap_or_default() {
                self.cpu.set((user + system) / rustix::param::clock_ticks_per_second() as f64);
            }
            self.threads.set(fields.get(17).map_or(0, |threads| *threads as i64));
        }
        if let Ok(descriptors) = std::fs::read_dir("/proc/self/fd") {
            self.descriptors.set(descriptors.count().saturating_sub(1) as i64);
        }
    }
}

/// A counter that a part of the server keeps and the server registers.
#[expect(clippy::expect_used, reason = "names and labels are written in the code, and a test makes them all")]
pub fn counter(name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
    IntCounterVec::new(Opts::new(name, help), labels).expect("a valid metric")
}

/// The same without labels.
#[expect(clippy::expect_used, reason = "names are written in the code, and a test makes them all")]
pub fn plain_counter(name: &str, help: &str) -> IntCounter {
    IntCounter::new(name, help).expect("a valid metric")
}

/// Registers a metric, and answers a handle on it.
#[expect(clippy::expect_used, reason = "each name is registered once, and a test registers them all")]
pub fn registered<C: prometheus::core::Collector + Clone + 'static>(registry: &Registry, metric: C) -> C {
    registry.register(Box::new(metric.clone())).expect("a metric of its own name");
    metric
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_and_the_process_are_told() {
        let metrics = Metrics::new();
        metrics.request("GET", Some("/healthz"), 200, 0.002);
        metrics.request("BREW", None, 404, 0.002);
        let text = metrics.render().unwrap();
        assert!(text.contains(r#"lyceum_http_requests_total{method="GET",route="/healthz",status="200"} 1"#));
        assert!(text.contains(r#"lyceum_http_requests_total{method="other",route="none",status="404"} 1"#));
        let memory = text.lines().find(|line| line.starts_with("process_resident_memory_bytes ")).unwrap();
        assert!(memory.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap() > 1e6);
    }
}
