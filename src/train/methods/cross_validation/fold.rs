//! What is told of one training among several: its series under the fold's name, its steps behind those before it.

use super::CrossPlan;
use super::place::Place;
use crate::spec::report::{Control, Progress, Report};
use crate::train::checkpoint::Snapshot;
use crate::train::{ArtifactFile, ModelFiles, RunSink};

pub(super) struct FoldSink<'a> {
    sink: &'a mut dyn RunSink,
    place: Place,
    /// Empty for the training on all folds.
    prefix: String,
    /// Before this training, and of all.
    epochs: (u64, u64),
    steps: (u64, u64),
    /// Whether the run has been told to have begun.
    begun: bool,
}

impl<'a> FoldSink<'a> {
    pub(super) fn new(sink: &'a mut dyn RunSink, plan: &CrossPlan, place: &Place, begun: bool) -> Self {
        let (epochs, steps) = plan.before(place.training);
        let is_fold = place.training < plan.folds.len();
        Self {
            sink,
            place: place.clone(),
            prefix: if is_fold { format!("fold_{}_", place.training + 1) } else { String::new() },
            epochs: (epochs, plan.epochs()),
            steps: (steps, plan.steps()),
            begun,
        }
    }

    /// Progress of all trainings together.
    fn progress(&self, own: &Progress) -> Progress {
        let (step, steps) = (self.steps.0 + own.step, self.steps.1);
        let each =
            own.eta_seconds.filter(|_| own.step < own.steps).map(|eta| eta / (own.steps - own.step) as f64);
        Progress {
            epoch: self.epochs.0 + own.epoch,
            epochs: self.epochs.1,
            step,
            steps,
            fraction: if steps == 0 { 1.0 } else { step as f64 / steps as f64 },
            eta_seconds: each.map(|each| each * (steps - step) as f64),
            examples_per_second: own.examples_per_second,
        }
    }
}

impl RunSink for FoldSink<'_> {
    fn report(&mut self, report: Report) {
        let report = match report {
            Report::Started { .. } if self.begun => return,
            Report::Started { device, threads, fingerprint, from_step } => {
                self.begun = true;
                Report::Started { device, threads, fingerprint, from_step: self.steps.0 + from_step }
            }
            Report::Metrics { mut points } => {
                for point in &mut points {
                    point.name = format!("{}{}", self.prefix, point.name);
                    point.step += self.steps.0;
                }
                Report::Metrics { points }
            }
            Report::Progress(progress) => Report::Progress(self.progress(&progress)),
            other => other,
        };
        self.sink.report(report);
    }

    fn ready_for_checkpoint(&self) -> bool {
        self.sink.ready_for_checkpoint()
    }

    fn checkpoint(&mut self, snapshot: Snapshot) {
        let place = &self.place;
        self.sink.checkpoint(snapshot.within(self.steps.0, |state| place.keep(state)));
    }

    fn artifact(&mut self, artifact: ArtifactFile) {
        self.sink.artifact(artifact);
    }

    fn model(&mut self, model: ModelFiles) {
        self.sink.model(model);
    }

    fn control(&self) -> Control {
        self.sink.control()
    }
}
