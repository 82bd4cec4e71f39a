//! How high the learning rate may be: it rises from step to step, and the loss tells (Smith, *Cyclical Learning Rates for
//! Training Neural Networks*, 2017, section 3.3).

mod config;
mod resolve;
mod sweep;

use serde_json::json;
use tch::Device;

use super::supervised::{SupervisedPlan, Training};
use crate::spec::JobSpec;
use crate::spec::report::{Control, ErrorKind, Report};
use crate::train::RunSink;
use crate::train::run::Ended;

pub use config::LearningRateFinder;
pub(crate) use resolve::resolve;
use sweep::Sweep;

/// All that the finder needs, proven.
pub struct FinderPlan {
    /// What is trained; it takes as many steps as the rate rises.
    pub training: SupervisedPlan,
    pub config: LearningRateFinder,
}

/// JSON Schema of the method's fields.
pub(crate) fn schema() -> serde_json::Value {
    <LearningRateFinder as crate::spec::Field>::schema()
}

/// Sweeps the rates until all are tried or the loss explodes, and tells what it found. It keeps no checkpoint: one that is
/// paused begins anew, and finds the same.
pub(crate) fn run(
    plan: &FinderPlan,
    job: &JobSpec,
    device: Device,
    sink: &mut dyn RunSink,
) -> Result<(), Ended> {
    let mut training = Training::new(&plan.training, job, device, sink)?;
    training.start();
    let ended = sweep(&mut training, &plan.config);
    training.keep_profile("profile.json");
    ended
}

fn sweep(training: &mut Training, config: &LearningRateFinder) -> Result<(), Ended> {
    let mut sweep = Sweep::new(config);
    let mut step = 0;
    while let Some(rate) = sweep.next_rate() {
        match training.orders() {
            Control::Continue => {}
            Control::Stop => return Err(Ended::Cancelled),
            Control::Pause => return Err(Ended::Stopped),
        }
        let loss = training.try_step(rate);
        let goes_on = sweep.take(rate, loss);
        step += 1;
        if let Some(smoothed) = sweep.newest() {
            training.tell(step, &[("loss", smoothed), ("learning_rate", rate)]);
        }
        if !goes_on {
            break;
        }
    }
    let Some(found) = sweep.found() else {
        let detail = format!("the loss exploded at the first rates, from {}", config.start.get());
        return Err(Ended::failed(ErrorKind::Diverged, detail, Some("lower training.start")));
    };
    training.done();
    let result = [
        ("learning_rate", json!(found.minimum / 10.0)),
        ("minimum", json!(found.minimum)),
        ("steepest", json!(found.steepest)),
        ("steps", json!(step)),
    ];
    let result = result.map(|(name, value)| (name.to_owned(), value)).into_iter().collect();
    training.report(Report::Result { result });
    Ok(())
}
