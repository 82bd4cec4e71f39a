//! Training on examples with known answers: mini-batches, in an order drawn anew each epoch, down the gradient of the
//! loss.

mod augmentation;
pub mod clipping;
mod config;
pub mod early_stopping;
mod evaluation;
mod feed;
mod footprint;
mod model;
mod network;
mod objectives;
mod parts;
mod plan;
mod reporter;
mod resolve;
mod setup;
mod state;
mod sums;

use std::time::{Duration, Instant};

use tch::{Device, Tensor};

use crate::clock;
use crate::data::Sampler;
use crate::nn::Pass;
use crate::nn::network::{Head, Network};
use crate::nn::optimizers::OptimizerState;
use crate::spec::JobSpec;
use crate::spec::report::{Control, ErrorKind};
use crate::torch::ops;
use crate::train::RunSink;
use crate::train::checkpoint::{Checkpoint, Exact};
use crate::train::run::Ended;

pub use config::{EarlyStoppingSpec, Supervised};
pub(crate) use evaluation::batch_size as evaluation_batch;
use evaluation::{Examiner, Metrics};
use feed::Feed;
pub(crate) use model::evaluate;
pub use plan::{Objective, SupervisedPlan};
use reporter::Reporter;
pub(crate) use resolve::{Context, resolve};
use state::{State, Weights};
use sums::{Diverged, Meter, Sums};

/// Gradients whose norms make up an epoch's mean, at most.
const NORMS_PER_EPOCH: u64 = 64;

/// JSON Schema of the method's fields.
pub(crate) fn schema() -> serde_json::Value {
    <Supervised as crate::spec::Field>::schema()
}

/// Trains until the epochs are over, or training stops early, or somebody says so.
pub(crate) fn run(
    plan: &SupervisedPlan,
    job: &JobSpec,
    device: Device,
    resume: Option<Checkpoint>,
    sink: &mut dyn RunSink,
) -> Result<(), Ended> {
    let mut training = Training::new(plan, job, device, sink)?;
    if let Some(checkpoint) = resume {
        training.restore(checkpoint)?;
    }
    training.start();
    training.train()?;
    training.finish()
}

struct Training<'a> {
    plan: &'a SupervisedPlan,
    job: &'a JobSpec,
    device: Device,
    network: Network,
    optimizer: Box<dyn OptimizerState>,
    sampler: Sampler,
    feed: Feed,
    state: State,
    /// Losses and metrics of the epoch under way.
    meter: Meter,
    metrics: Metrics<'a>,
    best: Option<Weights>,
    examiner: Examiner<'a>,
    reporter: Reporter<'a>,
    checkpointed: Instant,
}

impl Training<'_> {
    fn train(&mut self) -> Result<(), Ended> {
        while self.state.epochs_done < self.plan.epochs && !self.state.stopped_early {
            let order = self.sampler.epoch(self.state.epochs_done);
            let begun = self.state.step - self.state.epochs_done * self.plan.steps_per_epoch();
            for rows in order.chunks(self.plan.batch_size as usize).skip(begun as usize) {
                self.obey()?;
                self.step(rows)?;
                self.checkpoint_by_time();
            }
            self.end_epoch()?;
        }
        Ok(())
    }

    /// One step: forward, loss, backward, clipping, update.
    fn step(&mut self, rows: &[u32]) -> Result<(), Ended> {
        let number = self.state.step + 1;
        let measured = self.measures_norm(number);

        let batch = self.feed.gather_to_learn(rows, self.state.step);
        let heads = self.network.forward(
            &batch.inputs,
            &Pass { training: true, step: self.state.step },
            Head::Logits,
        );
        let losses = plan::losses(&self.plan.objectives, &heads, batch.learned());
        self.meter.add(number, rows.len(), &losses).map_err(|wrong| self.diverged(wrong))?;
        let mut gradients = Tensor::run_backward(&[&losses[0]], self.network.trainable(), false, false);
        let clipping = self.plan.gradient_clipping;
        let norm = (measured || clipping.is_some()).then(|| ops::global_norm(&gradients));
        if let (Some(clipping), Some(norm)) = (clipping, &norm) {
            clipping.apply(&mut gradients, norm);
        }
        let rate = self.plan.optimizer.learning_rate().at(self.state.step, self.plan.steps());
        self.optimizer.step(&gradients, rate);
        tch::no_grad(|| self.metrics.update(&self.network, &heads, &batch.targets));

        self.state.step = number;
        if let (true, Some(norm)) = (measured, norm) {
            self.meter.sums.add_norm(norm.double_value(&[]));
        }
        if self.reporter.due(number) {
            let loss = self.meter.settle().map_err(|wrong| self.diverged(wrong))?;
            self.reporter.point("step_loss", number, loss);
        }
        self.reporter.tick(number);
        Ok(())
    }

    /// Whether the gradient's norm is taken at this step. A few score of them tell an epoch's mean, where the norm of each
    /// would cost a small network a twentieth of its time.
    fn measures_norm(&self, number: u64) -> bool {
        let per_epoch = self.plan.steps_per_epoch();
        let within = (number - 1) % per_epoch + 1;
        within == per_epoch || within.is_multiple_of(per_epoch.div_ceil(NORMS_PER_EPOCH))
    }

    /// What follows the last step of an epoch: its metrics, the validation part, early stopping, a checkpoint.
    fn end_epoch(&mut self) -> Result<(), Ended> {
        self.meter.settle().map_err(|wrong| self.diverged(wrong))?;
        let schedule = self.plan.optimizer.learning_rate();
        let mut values = evaluation::loss_values(&self.plan.objectives, &self.meter.sums);
        values.extend(self.metrics.values());
        values.push(("learning_rate".into(), schedule.at(self.state.step - 1, self.plan.steps())));
        values.extend(self.meter.sums.mean_norm().map(|norm| ("gradient_norm".into(), norm)));
        values.extend(self.examine(Part::Validation)?);
        let diverged = self.publish(values);

        self.state.epochs_done += 1;
        self.meter.sums = Sums::default();
        self.metrics.reset();
        if let Some(wrong) = diverged {
            return Err(self.diverged(wrong));
        }
        self.judge();
        self.checkpoint_by_epoch();
        Ok(())
    }

    /// Whether the epoch was the best so far, and whether it is the last.
    fn judge(&mut self) {
        let Some(rule) = &self.plan.early_stopping else { return };
        let Some(Exact(value)) = self.state.latest.get(&rule.monitor).copied() else { return };
        let verdict = self.state.patience.judge(rule, self.state.epochs_done, value);
        if verdict.improved && rule.restore_best {
            self.best = Some(state::copies(&self.network));
            self.state.best = self.state.latest.clone();
        }
        self.state.stopped_early = verdict.stop;
        if verdict.stop {
            let best = self.state.patience.best_epoch().unwrap_or_default();
            let message = format!("stopped early: {} was best in epoch {best}", rule.monitor);
            self.reporter.log(message);
        }
    }

    /// The best weights where they are wanted, the test part, the model.
    fn finish(&mut self) -> Result<(), Ended> {
        if let Some(best) = self.best.take() {
            self.network.load(&best).map_err(|detail| Ended::failed(ErrorKind::Internal, detail, None))?;
            self.state.latest = std::mem::take(&mut self.state.best);
        }
        if self.plan.epochs == 0 {
            let values = self.examine(Part::Validation)?;
            self.publish(values);
        }
        let values = self.examine(Part::Test)?;
        let diverged = self.publish(values);
        if let Some(wrong) = diverged.or_else(|| self.weights_gone_wrong()) {
            return Err(self.diverged(wrong));
        }
        let model = self.model();
        self.reporter.done(self.state.step);
        self.reporter.sink.model(model);
        Ok(())
    }

    /// Loss and metrics of a part; none where the part is empty.
    fn examine(&mut self, part: Part) -> Result<Vec<(String, f64)>, Ended> {
        let rows = part.rows(self.plan);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.reporter.watch.halt(self.state.step);
        let sink = &*self.reporter.sink;
        let examined = self.examiner.examine(&self.network, rows, || sink.control() == Control::Continue);
        let Some(values) = examined else {
            // Told to stop or to pause: the part is examined again when the run goes on.
            self.obey()?;
            return self.examine(part);
        };
        self.reporter.watch.evaluated(rows.len() as u64);
        Ok(values.into_iter().map(|(name, value)| (format!("{}{name}", part.prefix()), value)).collect())
    }

    /// Tells the values of an epoch or of the end; a loss among them that is not finite is the run's end.
    fn publish(&mut self, values: Vec<(String, f64)>) -> Option<Diverged> {
        let mut diverged = None;
        for (name, value) in values {
            if !value.is_finite() && name.ends_with("loss") {
                diverged = Some(Diverged { step: self.state.step, loss: value });
            }
            self.reporter.point(&name, self.state.step, value);
            self.state.latest.insert(name, Exact(value));
        }
        diverged
    }

    /// The last step of all may have broken weights that no loss was computed with.
    fn weights_gone_wrong(&self) -> Option<Diverged> {
        let finite = |weights: &Tensor| weights.isfinite().all().int64_value(&[]) == 1;
        let whole = tch::no_grad(|| self.network.trainable().iter().all(finite));
        (!whole).then_some(Diverged { step: self.state.step, loss: f64::NAN })
    }

    /// Does what the run is told to do.
    fn obey(&mut self) -> Result<(), Ended> {
        match self.reporter.sink.control() {
            Control::Continue => Ok(()),
            Control::Stop => {
                self.reporter.flush();
                Err(Ended::Cancelled)
            }
            Control::Pause => {
                self.checkpoint();
                Err(Ended::Stopped)
            }
        }
    }

    fn diverged(&mut self, wrong: Diverged) -> Ended {
        let Diverged { step, loss } = wrong;
        self.reporter.point("step_loss", step, loss);
        self.reporter.flush();
        let rate = self.plan.optimizer.learning_rate().at(step.saturating_sub(1), self.plan.steps());
        let hint = match self.plan.gradient_clipping {
            None => format!(
                "lower the learning rate (it was {rate}) or set gradient_clipping, such as {{\"norm\": 1.0}}"
            ),
            Some(_) => format!("lower the learning rate (it was {rate})"),
        };
        Ended::failed(ErrorKind::Diverged, format!("the loss became {loss} at step {step}"), Some(&hint))
    }

    fn checkpoint(&mut self) {
        // What is still on the device belongs to the sums; that it went wrong shows when the run goes on.
        let _ = self.meter.settle();
        self.reporter.flush();
        let snapshot = self.snapshot();
        self.reporter.sink.checkpoint(snapshot);
        self.checkpointed = clock::monotonic();
    }

    fn checkpoint_by_epoch(&mut self) {
        let due = self.job.checkpoint.every_epochs;
        let due = due.is_some_and(|every| self.state.epochs_done.is_multiple_of(every.get()));
        if due && self.reporter.sink.ready_for_checkpoint() {
            self.reporter.watch.halt(self.state.step);
            self.checkpoint();
            self.reporter.watch.resume();
        }
    }

    fn checkpoint_by_time(&mut self) {
        let Some(every) = self.job.checkpoint.every_seconds else { return };
        if clock::monotonic() - self.checkpointed >= Duration::from_secs(every.get())
            && self.reporter.sink.ready_for_checkpoint()
        {
            self.checkpoint();
        }
    }
}

/// A part of the data that is not learned from.
#[derive(Clone, Copy)]
enum Part {
    Validation,
    Test,
}

impl Part {
    fn prefix(self) -> &'static str {
        match self {
            Self::Validation => "val_",
            Self::Test => "test_",
        }
    }

    fn rows(self, plan: &SupervisedPlan) -> &[u32] {
        match self {
            Self::Validation => &plan.parts.rows().validation,
            Self::Test => &plan.parts.rows().test,
        }
    }
}
