//! Training one step at a time, for methods that look at each.

use crate::spec::report::{Control, Report};
use crate::train::profile::Phase;

use super::Training;

impl Training<'_> {
    /// Takes the next step at that rate, in the order of the epochs; its loss as it was before, which may not be finite.
    pub(in crate::train::methods) fn try_step(&mut self, rate: f64) -> f64 {
        let per_epoch = self.plan.steps_per_epoch();
        let (epoch, within) = (self.state.step / per_epoch, self.state.step % per_epoch);
        let order = self.sampler.epoch(epoch);
        let rows = order.chunks(self.plan.step_size() as usize).nth(within as usize).unwrap_or(&order);
        let number = self.state.step + 1;
        self.profile.begin();
        let loss = match self.gradients(rows) {
            Ok(gradients) => {
                self.update(gradients, rate, false);
                self.profile.lap(Phase::Update, number);
                self.meter.settle().unwrap_or_else(|wrong| wrong.loss)
            }
            Err(wrong) => wrong.loss,
        };
        self.state.step = number;
        self.reporter.tick(number);
        self.profile.lap(Phase::Report, number);
        loss
    }

    /// What the run is to do.
    pub(in crate::train::methods) fn orders(&self) -> Control {
        self.reporter.sink.control()
    }

    /// Tells points of series behind a step.
    pub(in crate::train::methods) fn tell(&mut self, step: u64, values: &[(&str, f64)]) {
        for (name, value) in values {
            self.reporter.point(name, step, *value);
        }
    }

    /// Sends all that waits, and the progress of a run that is done.
    pub(in crate::train::methods) fn done(&mut self) {
        self.reporter.done(self.state.step);
    }

    pub(in crate::train::methods) fn report(&mut self, report: Report) {
        self.reporter.sink.report(report);
    }
}
