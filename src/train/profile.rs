//! Where the time of each step goes, phase by phase, as a trace that Chrome (`chrome://tracing`) and Perfetto show.
//!
//! A phase is measured from the end of the one before it. On a GPU each waits for the work that it ordered, so that a
//! profiled run there is slower than one that is not.

use std::time::Instant;

use serde_json::{Map, Value, json};
use tch::{Cuda, Device};

use super::ArtifactFile;
use crate::clock;

/// Spans that are kept; what follows them counts in the sums alone. A trace of so many takes about 5 MB.
const MOST_SPANS: usize = 50_000;

/// What a run does, in the order of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Examples are gathered, encoded, augmented and brought to the device.
    Batch,
    Forward,
    Loss,
    Backward,
    Metrics,
    /// Clipping, the optimiser, constraints and the mean of the weights.
    Update,
    /// Losses are read back, points and progress are told.
    Report,
    /// The whole of a validation or test part.
    Evaluation,
    /// What stays of a checkpoint on this thread: the copy of the state.
    Checkpoint,
}

impl Phase {
    const ALL: [Self; 9] = [
        Self::Batch,
        Self::Forward,
        Self::Loss,
        Self::Backward,
        Self::Metrics,
        Self::Update,
        Self::Report,
        Self::Evaluation,
        Self::Checkpoint,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Batch => "batch",
            Self::Forward => "forward",
            Self::Loss => "loss",
            Self::Backward => "backward",
            Self::Metrics => "metrics",
            Self::Update => "update",
            Self::Report => "report",
            Self::Evaluation => "evaluation",
            Self::Checkpoint => "checkpoint",
        }
    }
}

/// A profile, or nothing where none is wanted: then a lap costs a comparison.
pub(crate) struct Profile(Option<Box<Timings>>);

struct Timings {
    device: Device,
    began: Instant,
    /// The end of the last phase.
    mark: Instant,
    spans: Vec<Span>,
    dropped: u64,
    /// How often and how many microseconds, by phase.
    sums: [(u64, f64); Phase::ALL.len()],
}

/// Times in microseconds from the beginning.
struct Span {
    phase: Phase,
    step: u64,
    start: f64,
    duration: f64,
}

impl Profile {
    pub(crate) fn new(wanted: bool, device: Device) -> Self {
        let now = clock::monotonic();
        Self(wanted.then(|| {
            let sums = [(0, 0.0); Phase::ALL.len()];
            Box::new(Timings { device, began: now, mark: now, spans: Vec::new(), dropped: 0, sums })
        }))
    }

    /// What went before belongs to no phase.
    pub(crate) fn begin(&mut self) {
        if let Some(timings) = &mut self.0 {
            timings.mark = timings.now();
        }
    }

    /// The end of a phase of this step, counted from 1.
    pub(crate) fn lap(&mut self, phase: Phase, step: u64) {
        if let Some(timings) = &mut self.0 {
            timings.lap(phase, step);
        }
    }

    /// The trace as a file, and a line that says what it comes to; nothing where no profile was wanted.
    pub(crate) fn finish(&mut self, name: &str) -> Option<(ArtifactFile, String)> {
        let timings = self.0.take()?;
        let bytes = timings.trace().to_string().into_bytes();
        let file = ArtifactFile { name: name.to_owned(), media_type: "application/json".into(), bytes };
        Some((file, timings.line()))
    }
}

impl Timings {
    fn now(&self) -> Instant {
        if let Device::Cuda(index) = self.device {
            Cuda::synchronize(index as i64);
        }
        clock::monotonic()
    }

    fn lap(&mut self, phase: Phase, step: u64) {
        let now = self.now();
        let micros = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e6;
        let (start, duration) = (micros(self.began, self.mark), micros(self.mark, now));
        self.mark = now;
        let (count, sum) = &mut self.sums[phase as usize];
        (*count, *sum) = (*count + 1, *sum + duration);
        if self.spans.len() < MOST_SPANS {
            self.spans.push(Span { phase, step, start, duration });
        } else {
            self.dropped += 1;
        }
    }

    /// The Trace Event Format of Chrome: complete events (`"ph": "X"`), with times in microseconds.
    fn trace(&self) -> Value {
        let event = |span: &Span| {
            json!({"name": span.phase.name(), "ph": "X", "pid": 1, "tid": 1, "ts": tenths(span.start),
                   "dur": tenths(span.duration), "args": {"step": span.step}})
        };
        let phases: Map<String, Value> = self
            .counted()
            .map(|(phase, count, sum)| {
                let value = json!({"count": count, "seconds": sum / 1e6, "share": sum / self.total()});
                (phase.name().to_owned(), value)
            })
            .collect();
        json!({
            "displayTimeUnit": "ms",
            "otherData": {"phases": phases, "spans_left_out": self.dropped},
            "traceEvents": self.spans.iter().map(event).collect::<Vec<_>>(),
        })
    }

    fn line(&self) -> String {
        let mut phases: Vec<_> = self.counted().collect();
        phases.sort_by(|left, right| right.2.total_cmp(&left.2));
        let told = phases.iter().map(|(phase, count, sum)| {
            let (share, each) = (100.0 * sum / self.total(), sum / 1e3 / *count as f64);
            format!("{} {share:.1} % ({count} of {each:.3} ms)", phase.name())
        });
        format!("where the time went: {}", told.collect::<Vec<_>>().join(", "))
    }

    fn counted(&self) -> impl Iterator<Item = (Phase, u64, f64)> {
        let all = Phase::ALL.into_iter().zip(self.sums);
        all.filter(|(_, (count, _))| *count > 0).map(|(phase, (count, sum))| (phase, count, sum))
    }

    /// Microseconds of all phases.
    fn total(&self) -> f64 {
        self.sums.iter().map(|(_, sum)| sum).sum::<f64>().max(f64::MIN_POSITIVE)
    }
}

/// Ten to the microsecond are enough, and short.
fn tenths(micros: f64) -> f64 {
    (micros * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phases_follow_each_other_and_add_up() {
        let mut profile = Profile::new(true, Device::Cpu);
        for step in 1..=3 {
            profile.begin();
            profile.lap(Phase::Batch, step);
            profile.lap(Phase::Forward, step);
        }
        let (file, line) = profile.finish("profile.json").unwrap();
        let trace: Value = serde_json::from_slice(&file.bytes).unwrap();
        let events = trace["traceEvents"].as_array().unwrap();
        assert_eq!(events.len(), 6);
        let end = |event: &Value| event["ts"].as_f64().unwrap() + event["dur"].as_f64().unwrap();
        for pair in events.windows(2) {
            assert!(pair[1]["ts"].as_f64().unwrap() >= end(&pair[0]) - 0.2, "{pair:?}");
        }
        assert_eq!((&events[5]["name"], &events[5]["args"]["step"]), (&json!("forward"), &json!(3)));
        let phases = trace["otherData"]["phases"].as_object().unwrap();
        assert_eq!(phases.keys().collect::<Vec<_>>(), ["batch", "forward"]);
        let shares: f64 = phases.values().map(|phase| phase["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-9, "{shares}");
        assert!(line.contains("batch ") && line.contains("(3 of "), "{line}");
        assert!(
            profile.finish("again").is_none() && Profile::new(false, Device::Cpu).finish("none").is_none()
        );
    }

    #[test]
    fn what_is_beyond_the_spans_counts_still() {
        let mut profile = Profile::new(true, Device::Cpu);
        (0..=MOST_SPANS as u64).for_each(|step| profile.lap(Phase::Update, step));
        let (file, _) = profile.finish("profile.json").unwrap();
        let trace: Value = serde_json::from_slice(&file.bytes).unwrap();
        assert_eq!(trace["traceEvents"].as_array().unwrap().len(), MOST_SPANS);
        let other = &trace["otherData"];
        assert_eq!(
            (&other["spans_left_out"], &other["phases"]["update"]["count"]),
            (&json!(1), &json!(MOST_SPANS + 1))
        );
    }
}
