//! What the loop tells, gathered so that the sink hears of it a few times a second at most.

use crate::clock;
use crate::spec::report::{LogLevel, Point, Progress, Report};
use crate::train::RunSink;
use crate::train::progress::{Watch, Work};

/// Points that are sent without waiting for the next progress.
const MOST_POINTS: usize = 4_096;

/// No series is to have more points than this where the job does not say how often to report.
const MOST_STEP_POINTS: u64 = 10_000;

pub(super) struct Reporter<'a> {
    pub(super) sink: &'a mut dyn RunSink,
    work: Work,
    /// Examples in a step.
    step_size: u64,
    every_steps: u64,
    pub(super) watch: Watch,
    points: Vec<Point>,
}

impl<'a> Reporter<'a> {
    pub(super) fn new(
        sink: &'a mut dyn RunSink,
        work: Work,
        step_size: u64,
        every_steps: Option<u64>,
    ) -> Self {
        let every_steps = every_steps.unwrap_or_else(|| work.steps.div_ceil(MOST_STEP_POINTS).max(1));
        let watch = Watch::start(work, 0);
        Self { sink, work, step_size, every_steps, watch, points: Vec::new() }
    }

    /// Time is measured from here, at this step.
    pub(super) fn begin(&mut self, step: u64) {
        self.watch = Watch::start(self.work, step);
    }

    /// Whether a point by step is due behind this step.
    pub(super) fn due(&self, step: u64) -> bool {
        self.every_steps > 0 && step.is_multiple_of(self.every_steps)
    }

    /// Examples seen over examples in an epoch.
    pub(super) fn epoch(&self, step: u64) -> f64 {
        let per_epoch = self.work.steps_per_epoch.max(1);
        let within = (step % per_epoch * self.step_size).min(self.work.examples);
        (step / per_epoch) as f64 + within as f64 / self.work.examples.max(1) as f64
    }

    pub(super) fn point(&mut self, name: &str, step: u64, value: f64) {
        let epoch = self.epoch(step);
        self.points.push(Point { name: name.to_owned(), step, epoch, time: clock::now_us(), value });
        if self.points.len() >= MOST_POINTS {
            self.flush();
        }
    }

    /// Called behind every step.
    pub(super) fn tick(&mut self, step: u64) {
        if let Some(progress) = self.watch.step(step) {
            self.flush();
            self.sink.report(Report::Progress(progress));
        }
    }

    /// Sends the points that wait.
    pub(super) fn flush(&mut self) {
        if !self.points.is_empty() {
            self.sink.report(Report::Metrics { points: std::mem::take(&mut self.points) });
        }
    }

    pub(super) fn log(&mut self, message: String) {
        self.sink.report(Report::Log { level: LogLevel::Info, message });
    }

    /// Sends all that waits, and the progress of a run that is done, whether or not it took every step.
    pub(super) fn done(&mut self, step: u64) {
        self.flush();
        let progress = self.watch.estimator.progress(step);
        // No further epoch is begun.
        let epoch = step.div_ceil(self.work.steps_per_epoch.max(1));
        self.sink.report(Report::Progress(Progress {
            epoch,
            fraction: 1.0,
            eta_seconds: Some(0.0),
            ..progress
        }));
    }
}
