//! Training on examples with known answers: mini-batches, in an order drawn anew each epoch, down the gradient of the
//! loss.

mod augmentation;
mod average;
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
mod resident;
mod resolve;
mod rewrites;
mod setup;
mod state;
mod sums;
mod transfer;
mod trial;
mod weights;

use std::time::{Duration, Instant};

use tch::{Device, Tensor};

use crate::clock;
use crate::data::Sampler;
use crate::nn::Pass;
use crate::nn::metrics::File;
use crate::nn::network::{Head, Network};
use crate::nn::optimizers::OptimizerState;
use crate::spec::JobSpec;
use crate::spec::report::{Control, ErrorKind};
use crate::torch::ops;
use crate::train::checkpoint::{Checkpoint, Exact};
use crate::train::profile::{Phase, Profile};
use crate::train::run::Ended;
use crate::train::{ArtifactFile, RunSink};

use average::Average;
use clipping::Clipping;
pub(crate) use config::default_optimizer;
pub use config::{ClippingSpec, EarlyStoppingSpec, Losses, Supervised, WeightAverage};
pub(crate) use evaluation::batch_size as evaluation_batch;
use evaluation::{Examined, Examiner, Metrics};
use feed::Feed;
pub(crate) use model::{evaluate, parts};
pub use plan::{Objective, SupervisedPlan};
use reporter::Reporter;
pub(crate) use resolve::{Context, Resolved, resolve};
pub use rewrites::Rewrites;
use state::{State, Weights};
use sums::{Diverged, Meter, Sums};
pub use transfer::{ContinueFrom, Initial, InitializeFrom, ModelVersion};
pub use weights::ClassWeight;

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
    let ended = training.train().and_then(|()| training.finish());
    training.keep_profile("profile.json");
    ended
}

pub(crate) struct Training<'a> {
    plan: &'a SupervisedPlan,
    job: &'a JobSpec,
    device: Device,
    network: Network,
    /// The moving mean of the weights, where there is one.
    average: Option<Average>,
    optimizer: OptimizerState,
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
    profile: Profile,
}

impl Training<'_> {
    pub(in crate::train::methods) fn train(&mut self) -> Result<(), Ended> {
        while self.state.epochs_done < self.plan.epochs && !self.state.stopped_early {
            let order = self.sampler.epoch(self.state.epochs_done);
            let begun = self.state.step - self.state.epochs_done * self.plan.steps_per_epoch();
            for rows in order.chunks(self.plan.step_size() as usize).skip(begun as usize) {
                self.obey()?;
                self.step(rows)?;
                self.checkpoint_by_time()?;
            }
            self.end_epoch()?;
        }
        Ok(())
    }

    /// One step: gradients, clipping, update.
    fn step(&mut self, rows: &[u32]) -> Result<(), Ended> {
        let number = self.state.step + 1;
        self.profile.begin();
        let measured = self.measures_norm(number);

        let gradients = self.gradients(rows).map_err(|wrong| self.diverged(wrong))?;
        let norm = self.update(gradients, self.rate(self.state.step), measured);
        self.state.step = number;
        self.profile.lap(Phase::Update, number);
        if let Some(norm) = norm {
            self.meter.sums.add_norm(norm.double_value(&[]));
        }
        let ended = self.meter.end_step(number, self.reporter.due(number));
        self.tell_losses();
        ended.map_err(|wrong| self.diverged(wrong))?;
        self.reporter.tick(number);
        self.profile.lap(Phase::Report, number);
        Ok(())
    }

    /// Reads what is still on the device, and tells of it.
    fn settle(&mut self) -> Result<(), Diverged> {
        let settled = self.meter.settle();
        self.tell_losses();
        settled.map(drop)
    }

    /// Tells what is known of the losses of steps.
    fn tell_losses(&mut self) {
        for (step, loss) in self.meter.told() {
            self.reporter.point("step_loss", step, loss);
        }
    }

    /// Takes a step; the gradients' norm where it is measured.
    fn update(&mut self, mut gradients: Vec<Tensor>, rate: f64, measured: bool) -> Option<Tensor> {
        let clipping = self.plan.gradient_clipping;
        let wanted = measured || clipping.is_some_and(Clipping::wants_norm);
        let norm = wanted.then(|| ops::global_norm(&gradients));
        if let Some(clipping) = clipping {
            clipping.apply(&mut gradients, norm.as_ref());
        }
        self.optimizer.step(&gradients, rate);
        self.network.constrain();
        if let Some(average) = &mut self.average {
            average.update(&self.network);
        }
        norm.filter(|_| measured)
    }

    /// The gradient of a step, the mean over its examples: forward, loss and backward of one batch after another.
    fn gradients(&mut self, rows: &[u32]) -> Result<Vec<Tensor>, Diverged> {
        let number = self.state.step + 1;
        let mut sums: Vec<Tensor> = Vec::new();
        for (index, part) in rows.chunks(self.plan.batch_size as usize).enumerate() {
            let step = self.state.step * self.plan.accumulation + index as u64;
            let batch = self.feed.gather_to_learn(part, step);
            self.profile.lap(Phase::Batch, number);
            let heads = self.network.forward(&batch.inputs, &Pass { training: true, step }, Head::Logits);
            self.profile.lap(Phase::Forward, number);
            let losses = plan::losses(&self.plan.objectives, &heads, batch.learned(), batch.weights.as_ref());
            let losses = plan::penalised(losses, &self.network);
            self.meter.add(number, part.len(), &losses)?;
            let loss = if part.len() == rows.len() {
                losses[0].shallow_clone()
            } else {
                &losses[0] * (part.len() as f64 / rows.len() as f64)
            };
            self.profile.lap(Phase::Loss, number);
            let gradients = Tensor::run_backward(&[&loss], self.network.trainable(), false, false);
            self.profile.lap(Phase::Backward, number);
            tch::no_grad(|| self.metrics.update(&self.network, &heads, &batch.targets));
            self.profile.lap(Phase::Metrics, number);
            if sums.is_empty() {
                sums = gradients;
            } else {
                tch::no_grad(|| sums.iter_mut().zip(&gradients).for_each(|(sum, more)| *sum += more));
            }
        }
        Ok(sums)
    }

    /// The learning rate of a step, counted from 0.
    fn rate(&self, step: u64) -> f64 {
        self.plan.optimizer.learning_rate().at(step, self.plan.steps(), &self.state.plateau)
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
        self.settle().map_err(|wrong| self.diverged(wrong))?;
        let mut values = evaluation::loss_values(&self.plan.objectives, &self.meter.sums);
        values.extend(self.metrics.values());
        self.state.files.clear();
        let files = self.metrics.files();
        self.keep_files("", files);
        values.push(("learning_rate".into(), self.rate(self.state.step - 1)));
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
        self.hear();
        self.checkpoint_by_epoch()
    }

    /// Whether the epoch was the best so far, and whether it is the last.
    fn judge(&mut self) {
        let Some(rule) = &self.plan.early_stopping else { return };
        let Some(Exact(value)) = self.state.latest.get(&rule.monitor).copied() else { return };
        let verdict = self.state.patience.judge(rule, self.state.epochs_done, value);
        if verdict.improved && rule.restore_best {
            let weights = self.average.as_ref().map_or_else(|| state::copies(&self.network), Average::copies);
            self.best = Some(weights);
            self.state.best = self.state.latest.clone();
            self.state.best_files = self.state.files.clone();
        }
        self.state.stopped_early = verdict.stop;
        if verdict.stop {
            let best = self.state.patience.best_epoch().unwrap_or_default();
            let message = format!("stopped early: {} was best in epoch {best}", rule.monitor);
            self.reporter.log(message);
        }
    }

    /// Tells the schedule what it listens to.
    fn hear(&mut self) {
        let Some(schedule) = self.plan.optimizer.learning_rate().schedule.plateau() else { return };
        let Some(Exact(value)) = self.state.latest.get(&schedule.monitor).copied() else { return };
        if schedule.hear(&mut self.state.plateau, value, self.plan.plateau_rises) {
            let rate = self.rate(self.state.step);
            let message =
                format!("the learning rate falls to {rate}: {} no longer improves", schedule.monitor);
            self.reporter.log(message);
        }
    }

    /// The mean or the best of the weights where they are wanted, the test part, the files, the model.
    pub(in crate::train::methods) fn finish(&mut self) -> Result<(), Ended> {
        let average = self.average.take();
        if let Some(best) = self.best.take() {
            self.network.load(&best).map_err(|detail| Ended::failed(ErrorKind::Internal, detail, None))?;
            self.state.latest = std::mem::take(&mut self.state.best);
            self.state.files = std::mem::take(&mut self.state.best_files);
        } else if let Some(average) = average {
            let load = self.network.load(&average.named());
            load.map_err(|detail| Ended::failed(ErrorKind::Internal, detail, None))?;
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
        for (name, (media_type, text)) in std::mem::take(&mut self.state.files) {
            self.reporter.sink.artifact(ArtifactFile { name, media_type, bytes: text.into_bytes() });
        }
        let model = self.model();
        self.reporter.done(self.state.step);
        self.reporter.sink.model(model);
        Ok(())
    }

    /// The values of the series behind the last epoch; those of the best one, where its weights are what is wanted.
    pub(in crate::train::methods) fn values(mut self) -> Vec<(String, f64)> {
        self.reporter.flush();
        let values = if self.best.is_some() { self.state.best } else { self.state.latest };
        values.into_iter().map(|(name, Exact(value))| (name, value)).collect()
    }

    /// Loss and metrics of a part; none where the part is empty.
    fn examine(&mut self, part: Part) -> Result<Vec<(String, f64)>, Ended> {
        let rows = part.rows(self.plan);
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        self.reporter.watch.halt(self.state.step);
        self.profile.begin();
        let sink = &*self.reporter.sink;
        if let Some(average) = &mut self.average {
            average.swap(&self.network);
        }
        let examined = self.examiner.examine(&self.network, rows, || sink.control() == Control::Continue);
        if let Some(average) = &mut self.average {
            average.swap(&self.network);
        }
        let Some(Examined { values, files }) = examined else {
            // Told to stop or to pause: the part is examined again when the run goes on.
            self.obey()?;
            return self.examine(part);
        };
        self.reporter.watch.evaluated(rows.len() as u64);
        self.profile.lap(Phase::Evaluation, self.state.step);
        self.keep_files(part.prefix(), files);
        Ok(values.into_iter().map(|(name, value)| (format!("{}{name}", part.prefix()), value)).collect())
    }

    /// Files of metrics stand in for earlier ones of their names; they become the run's artifacts at its end.
    fn keep_files(&mut self, prefix: &str, files: Vec<(String, File)>) {
        for (name, file) in files {
            self.state.files.insert(format!("{prefix}{name}"), (file.media_type.to_owned(), file.text));
        }
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
                let _ = self.settle();
                self.reporter.flush();
                Err(Ended::Cancelled)
            }
            Control::Pause => {
                self.checkpoint()?;
                Err(Ended::Stopped)
            }
        }
    }

    /// Keeps what was measured, where that is wanted. However a run ends, its time is of interest.
    pub(in crate::train::methods) fn keep_profile(&mut self, name: &str) {
        if let Some((file, line)) = self.profile.finish(name) {
            self.reporter.log(line);
            self.reporter.sink.artifact(file);
        }
    }

    fn diverged(&mut self, wrong: Diverged) -> Ended {
        let Diverged { step, loss } = wrong;
        self.reporter.point("step_loss", step, loss);
        self.reporter.flush();
        let rate = self.rate(step.saturating_sub(1));
        let hint = match self.plan.gradient_clipping {
            None => format!(
                "lower the learning rate (it was {rate}) or set gradient_clipping, such as {{\"norm\": 1.0}}"
            ),
            Some(_) => format!("lower the learning rate (it was {rate})"),
        };
        Ended::failed(ErrorKind::Diverged, format!("the loss became {loss} at step {step}"), Some(&hint))
    }

    fn checkpoint(&mut self) -> Result<(), Ended> {
        // What is still on the device belongs to the sums, and weights that went wrong are not kept.
        self.settle().map_err(|wrong| self.diverged(wrong))?;
        self.reporter.flush();
        self.profile.begin();
        let snapshot = self.snapshot();
        self.reporter.sink.checkpoint(snapshot);
        self.profile.lap(Phase::Checkpoint, self.state.step);
        self.checkpointed = clock::monotonic();
        Ok(())
    }

    fn checkpoint_by_epoch(&mut self) -> Result<(), Ended> {
        let due = self.job.checkpoint.every_epochs;
        let due = due.is_some_and(|every| self.state.epochs_done.is_multiple_of(every.get()));
        if due && self.reporter.sink.ready_for_checkpoint() {
            self.reporter.watch.halt(self.state.step);
            self.checkpoint()?;
            self.reporter.watch.resume();
        }
        Ok(())
    }

    fn checkpoint_by_time(&mut self) -> Result<(), Ended> {
        let Some(every) = self.job.checkpoint.every_seconds else { return Ok(()) };
        if clock::monotonic() - self.checkpointed >= Duration::from_secs(every.get())
            && self.reporter.sink.ready_for_checkpoint()
        {
            self.checkpoint()?;
        }
        Ok(())
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
