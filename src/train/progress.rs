//! How far a run is, and when it will be done. Times may be measured here, since nothing that is computed depends on
//! them.

use std::time::{Duration, Instant};

use crate::clock;
use crate::spec::report::Progress;

/// Progress is told at most so often.
const LEAST_PAUSE: Duration = Duration::from_millis(200);

/// The mean of the pace forgets within about this time, so that a machine that grows busy is noticed.
const MEMORY: f64 = 10.0;

/// The work of a run, in the units in which it is timed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Work {
    pub(crate) epochs: u64,
    pub(crate) steps: u64,
    pub(crate) steps_per_epoch: u64,
    /// Examples of an epoch.
    pub(crate) examples: u64,
    /// Examples evaluated after each epoch.
    pub(crate) validation: u64,
    /// Examples evaluated at the end.
    pub(crate) test: u64,
}

/// What has been timed: units done and the seconds that they took, older ones counting less.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    units: f64,
    seconds: f64,
}

impl Pace {
    fn add(&mut self, units: u64, seconds: f64) {
        let kept = (-seconds / MEMORY).exp();
        self.units = self.units * kept + units as f64;
        self.seconds = self.seconds * kept + seconds;
    }

    fn seconds_per_unit(&self) -> Option<f64> {
        (self.units > 0.0).then(|| self.seconds / self.units)
    }
}

/// Estimates what remains of a run from the pace of its steps and of its evaluations.
#[derive(Debug)]
pub(crate) struct Estimator {
    work: Work,
    steps: Pace,
    evaluated: Pace,
    /// The first steps of a run are slower than the rest: memory is taken and kernels are chosen.
    warm: bool,
    /// Examples that were evaluated, of those that the whole run evaluates.
    examined: u64,
}

impl Estimator {
    /// For a run that begins at `step`, the evaluations before which are done.
    pub(crate) fn new(work: Work, step: u64) -> Self {
        let examined = step / work.steps_per_epoch.max(1) * work.validation;
        Self { work, steps: Pace::default(), evaluated: Pace::default(), warm: false, examined }
    }

    pub(crate) fn trained(&mut self, steps: u64, seconds: f64) {
        if !self.warm && steps > 0 {
            self.warm = true;
            if self.work.steps > 8 {
                return;
            }
        }
        self.steps.add(steps, seconds);
    }

    pub(crate) fn evaluated(&mut self, examples: u64, seconds: f64) {
        self.evaluated.add(examples, seconds);
        self.examined += examples;
    }

    /// Seconds from `step`, with the evaluations after it and the test.
    pub(crate) fn remaining(&self, step: u64) -> Option<f64> {
        let step_seconds = self.steps.seconds_per_unit()?;
        let per_step = self.work.examples as f64 / self.work.steps_per_epoch.max(1) as f64;
        // Forward and backward cost about three times the forward pass.
        let example_seconds =
            self.evaluated.seconds_per_unit().unwrap_or(step_seconds / per_step.max(1.0) / 3.0);
        let all = self.work.epochs.saturating_mul(self.work.validation).saturating_add(self.work.test);
        let evaluations = all.saturating_sub(self.examined) as f64;
        let steps = self.work.steps.saturating_sub(step) as f64;
        Some(steps * step_seconds + evaluations * example_seconds)
    }

    pub(crate) fn examples_per_second(&self) -> f64 {
        let per_step = self.work.examples as f64 / self.work.steps_per_epoch.max(1) as f64;
        self.steps
            .seconds_per_unit()
            .filter(|seconds| *seconds > 0.0)
            .map_or(0.0, |seconds| per_step / seconds)
    }

    pub(crate) fn progress(&self, step: u64) -> Progress {
        let Work { epochs, steps, steps_per_epoch, .. } = self.work;
        let begun = if step >= steps { epochs } else { step / steps_per_epoch.max(1) + 1 };
        Progress {
            epoch: begun,
            epochs,
            step,
            steps,
            fraction: if steps == 0 { 0.0 } else { step as f64 / steps as f64 },
            eta_seconds: self.remaining(step),
            examples_per_second: self.examples_per_second(),
        }
    }
}

/// Measures the loop and says when progress is due.
#[derive(Debug)]
pub(crate) struct Watch {
    pub(crate) estimator: Estimator,
    /// When the estimator was last told something, and at which step.
    since: Instant,
    step: u64,
    told: Option<Instant>,
}

impl Watch {
    pub(crate) fn start(work: Work, step: u64) -> Self {
        Self { estimator: Estimator::new(work, step), since: clock::monotonic(), step, told: None }
    }

    /// Called after every step; the progress to tell, where some is due.
    pub(crate) fn step(&mut self, step: u64) -> Option<Progress> {
        let now = clock::monotonic();
        let due = self.told.is_none_or(|told| now - told >= LEAST_PAUSE);
        if !due {
            return None;
        }
        self.told = Some(now);
        self.account(step, now);
        Some(self.estimator.progress(step))
    }

    /// Called where training halts for something else, so that the time of it is not taken for the steps'.
    pub(crate) fn halt(&mut self, step: u64) {
        self.account(step, clock::monotonic());
    }

    /// Called behind an evaluation of so many examples that began at [`halt`](Self::halt).
    pub(crate) fn evaluated(&mut self, examples: u64) {
        let now = clock::monotonic();
        self.estimator.evaluated(examples, (now - self.since).as_secs_f64());
        self.since = now;
    }

    /// Called behind anything else that began at [`halt`](Self::halt).
    pub(crate) fn resume(&mut self) {
        self.since = clock::monotonic();
    }

    fn account(&mut self, step: u64, now: Instant) {
        if step > self.step {
            self.estimator.trained(step - self.step, (now - self.since).as_secs_f64());
        }
        self.step = step;
        self.since = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORK: Work =
        Work { epochs: 4, steps: 40, steps_per_epoch: 10, examples: 640, validation: 100, test: 200 };

    #[test]
    fn what_remains_counts_validation_and_test() {
        let mut estimator = Estimator::new(WORK, 0);
        assert_eq!(estimator.remaining(0), None);
        estimator.trained(1, 3.0);
        estimator.trained(9, 0.9);
        estimator.evaluated(100, 0.05);
        let remaining = estimator.remaining(10).unwrap();
        let truth = 30.0 * 0.1 + (300.0 + 200.0) * 0.0005;
        assert!((remaining - truth).abs() < 0.01 * truth, "{remaining} is not {truth}");
        assert!((estimator.examples_per_second() - 640.0).abs() < 1.0);
    }

    #[test]
    fn a_pace_that_changes_is_noticed() {
        let mut estimator = Estimator::new(WORK, 0);
        estimator.trained(1, 0.1);
        for _ in 0..100 {
            estimator.trained(1, 0.1);
        }
        for _ in 0..200 {
            estimator.trained(1, 0.2);
        }
        assert!((estimator.examples_per_second() - 320.0).abs() < 10.0);
    }

    #[test]
    fn epochs_begun_are_counted_from_one() {
        let estimator = Estimator::new(WORK, 0);
        let epochs: Vec<u64> = [0, 9, 10, 39, 40].map(|step| estimator.progress(step).epoch).into();
        assert_eq!(epochs, [1, 1, 2, 4, 4]);
        assert!((estimator.progress(10).fraction - 0.25).abs() < 1e-12);
    }
}
