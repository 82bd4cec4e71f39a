//! Supervised training on each choice of all folds but one, validated on that one; then on all of them.

mod config;
mod fold;
mod place;
mod resolve;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tch::Device;

use super::supervised::{SupervisedPlan, Training};
use crate::spec::JobSpec;
use crate::spec::report::{Progress, Report};
use crate::train::RunSink;
use crate::train::checkpoint::{Checkpoint, Exact};
use crate::train::run::Ended;

pub use config::CrossValidation;
use fold::FoldSink;
use place::Place;
pub(crate) use resolve::resolve;

/// All that cross-validation needs, proven.
pub struct CrossPlan {
    /// One for each fold.
    pub folds: Vec<SupervisedPlan>,
    /// The training on all folds in the end, where there is one.
    pub whole: Option<SupervisedPlan>,
}

impl CrossPlan {
    fn all(&self) -> impl Iterator<Item = &SupervisedPlan> {
        self.folds.iter().chain(&self.whole)
    }

    /// Epochs of all trainings together.
    pub fn epochs(&self) -> u64 {
        self.all().map(|plan| plan.epochs).sum()
    }

    /// Steps of all trainings together.
    pub fn steps(&self) -> u64 {
        self.all().map(SupervisedPlan::steps).sum()
    }

    /// Epochs and steps of the trainings before the one of this number.
    fn before(&self, training: usize) -> (u64, u64) {
        let before = || self.all().take(training);
        (before().map(|plan| plan.epochs).sum(), before().map(SupervisedPlan::steps).sum())
    }
}

/// Trains one network after another.
pub(crate) fn run(
    plan: &CrossPlan,
    job: &JobSpec,
    device: Device,
    resume: Option<Checkpoint>,
    sink: &mut dyn RunSink,
) -> Result<(), Ended> {
    let (mut place, mut resumed) = match resume {
        Some(checkpoint) => Place::restore(checkpoint, plan)?,
        None => (Place::default(), None),
    };
    let mut begun = false;
    while let Some(fold) = plan.folds.get(place.training) {
        let number = place.training + 1;
        let mut own = FoldSink::new(sink, plan, &place, begun);
        let mut training = Training::new(fold, job, device, &mut own)?;
        if let Some(checkpoint) = resumed.take() {
            training.restore(checkpoint)?;
        }
        training.start();
        let ended = training.train();
        training.keep_profile(&format!("profile_fold_{number}.json"));
        ended.map_err(|ended| named(ended, number))?;
        let values = training.values();
        place.results.push(values.into_iter().map(|(name, value)| (name, Exact(value))).collect());
        place.training = number;
        begun = true;
    }
    sink.report(Report::Result { result: result(&place.results) });
    let Some(whole) = &plan.whole else {
        sink.report(Report::Progress(done(plan)));
        return Ok(());
    };
    let mut own = FoldSink::new(sink, plan, &place, begun);
    let mut training = Training::new(whole, job, device, &mut own)?;
    if let Some(checkpoint) = resumed {
        training.restore(checkpoint)?;
    }
    training.start();
    let ended = training.train().and_then(|()| training.finish());
    training.keep_profile("profile.json");
    ended
}

/// The end of a fold's training, told with the fold.
fn named(ended: Ended, number: usize) -> Ended {
    match ended {
        Ended::Failed(mut error) => {
            error.detail = format!("in fold {number}: {}", error.detail);
            Ended::Failed(error)
        }
        ended => ended,
    }
}

/// Mean and deviation (of the sample, n − 1) of each validation metric over the folds.
fn result(folds: &[BTreeMap<String, Exact>]) -> Map<String, Value> {
    let names = folds.first().into_iter().flat_map(BTreeMap::keys).filter(|name| name.starts_with("val_"));
    let mut result = Map::new();
    for name in names {
        let values: Vec<f64> = folds.iter().filter_map(|fold| fold.get(name)).map(|value| value.0).collect();
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        result.insert(name.clone(), json!(mean));
        result.insert(format!("{name}_deviation"), json!((squares / (count - 1.0).max(1.0)).sqrt()));
    }
    result
}

fn done(plan: &CrossPlan) -> Progress {
    let (epochs, steps) = (plan.epochs(), plan.steps());
    Progress {
        epoch: epochs,
        epochs,
        step: steps,
        steps,
        fraction: 1.0,
        eta_seconds: Some(0.0),
        examples_per_second: 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_and_deviations_are_those_of_the_folds() {
        let fold = |accuracy: f64| {
            BTreeMap::from([("val_accuracy".to_owned(), Exact(accuracy)), ("loss".to_owned(), Exact(1.0))])
        };
        let result = result(&[fold(0.8), fold(0.9), fold(1.0)]);
        assert_eq!(result.len(), 2);
        let near = |name: &str, expected: f64| (result[name].as_f64().unwrap() - expected).abs() < 1e-12;
        assert!(near("val_accuracy", 0.9) && near("val_accuracy_deviation", 0.1), "{result:?}");
    }
}
