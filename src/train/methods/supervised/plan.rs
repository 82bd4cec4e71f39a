//! All that supervised training needs, proven: the resolver fills it, the loop reads it and checks nothing again.

use std::sync::Arc;

use tch::Tensor;

use crate::data::augmentation::Augmentation;
use crate::data::{Dataset, Preprocessing, TargetColumn, TargetKind, TargetScale};
use crate::nn::losses::{FittedLoss, Loss, LossForm, Misfit, OutputView, TargetForm, TargetView, Task};
use crate::nn::metrics::{Measured, Metric};
use crate::nn::network::{Network, NetworkNode, NetworkPlan};
use crate::nn::optimizers::Optimizer;
use crate::train::model::ModelOutput;

use super::clipping::Clipping;
use super::early_stopping::EarlyStopping;
use super::parts::Parts;
use super::transfer::Initial;
use super::weights::ClassWeight;

pub struct SupervisedPlan {
    pub dataset: Arc<Dataset>,
    pub parts: Parts,
    /// Fitted on the training part.
    pub preprocessing: Preprocessing,
    /// Its inputs are the preprocessing's, in their order.
    pub network: NetworkPlan,
    /// What it begins with, where that is not drawn.
    pub initial: Option<Initial>,
    /// What is learned, one for each of the network's outputs and in their order.
    pub objectives: Vec<Objective>,
    pub optimizer: Optimizer,
    /// Done to what is learned from.
    pub augmentation: Vec<Augmentation>,
    pub gradient_clipping: Option<Clipping>,
    pub early_stopping: Option<EarlyStopping>,
    /// Whether the series that the schedule listens to, if it does, is better when it is greater.
    pub plateau_rises: bool,
    /// The momentum of a moving mean of the weights.
    pub weight_average: Option<f64>,
    pub class_weight: Option<ClassWeight>,
    /// The column that weighs the examples.
    pub sample_weight: Option<String>,
    /// At most the size of the training part.
    pub batch_size: u64,
    /// Batches in a step.
    pub accumulation: u64,
    pub epochs: u64,
    /// Steps after which it ends, whatever the epochs say.
    pub most_steps: Option<u64>,
    /// Forward activations of one example in bytes; evaluation batches are cut by it.
    pub example_bytes: u64,
}

impl SupervisedPlan {
    /// Examples in a step.
    pub fn step_size(&self) -> u64 {
        step_size(self.batch_size, self.accumulation, self.parts.counts.train)
    }

    pub fn steps_per_epoch(&self) -> u64 {
        self.parts.counts.train.div_ceil(self.step_size())
    }

    pub fn steps(&self) -> u64 {
        let steps = self.epochs * self.steps_per_epoch();
        self.most_steps.map_or(steps, |most| most.min(steps))
    }
}

/// Examples in a step of so many batches, at most all.
pub(super) fn step_size(batch: u64, accumulation: u64, examples: u64) -> u64 {
    batch.saturating_mul(accumulation).min(examples).max(1)
}

/// What is known of a target's columns under a loss.
pub(super) fn target_view(loss: &Loss, columns: &[TargetColumn]) -> TargetView {
    let classes = match columns {
        [column] if !column.classes().is_empty() => Some(column.classes().len() as u64),
        // A column for each class.
        [_, _, ..] if loss.target_form() == TargetForm::Classes => Some(columns.len() as u64),
        _ => None,
    };
    TargetView { classes, columns: columns.len() as u64 }
}

/// One output of the network and what it is to say.
#[derive(Clone, Debug)]
pub struct Objective {
    /// The target's name, as `loss` and `loss_weights` name it. With several objectives its series are
    /// `<name>_loss` and so on.
    pub name: String,
    /// The target's columns: one, or several numbers (or 0/1 classes) that one output predicts together.
    pub columns: Vec<TargetColumn>,
    pub loss: Loss,
    pub fitted: FittedLoss,
    pub weight: f64,
    /// In the order of the body; each metric's own name names its series.
    pub metrics: Vec<Metric>,
}

impl Objective {
    /// Whether it is one column of classes, by which parts can be stratified.
    pub(super) fn is_one_category(&self) -> bool {
        self.columns.len() == 1 && target_view(&self.loss, &self.columns).classes.is_some()
    }

    /// Fits an output's loss to its node and target, as a kept model's is fitted again.
    pub(crate) fn fit(
        output: &ModelOutput,
        loss: Loss,
        metrics: Vec<Metric>,
        node: &NetworkNode,
    ) -> Result<Self, String> {
        let target = target_view(&loss, &output.columns);
        let view = OutputView { shape: &node.output_shape, activation: node.layer.activation() };
        let fitted = loss.fit(&view, &target).map_err(|(Misfit::Loss(why) | Misfit::Width(why))| why)?;
        Ok(Self {
            name: output.target.clone(),
            columns: output.columns.clone(),
            loss,
            fitted,
            weight: output.weight,
            metrics,
        })
    }

    /// Whether the loss takes what stands before the output's activation.
    pub fn is_fused(&self) -> bool {
        self.fitted.form == LossForm::OnLogits
    }

    /// The classes that the output tells apart, where its target is a single one of classes.
    pub(super) fn classes(&self) -> Option<Vec<String>> {
        match (self.columns.as_slice(), self.fitted.task) {
            ([column], Task::Classes | Task::Binary | Task::Margin) => Some(column.classes().to_vec()),
            (columns, Task::Classes) => Some(columns.iter().map(|column| column.column.clone()).collect()),
            _ => None,
        }
    }

    /// What metrics are told of the output.
    pub(super) fn measured(&self) -> Measured {
        let columns = || self.columns.iter().map(|column| column.column.clone()).collect();
        Measured {
            task: self.fitted.task,
            labels: self.classes().unwrap_or_else(columns),
            one_of_two: self.columns.len() == 1 && matches!(self.fitted.task, Task::Binary | Task::Margin),
        }
    }

    /// The part of an output that stands for the target itself, in the unit of the data.
    pub(super) fn answers(&self, output: &Tensor) -> Tensor {
        if self.fitted.task == Task::Gaussian {
            self.own_terms(&output.narrow(1, 0, self.columns.len() as i64))
        } else {
            self.own_terms(output)
        }
    }

    /// Outputs or targets in the unit of the data: what `target_transform` did is undone.
    pub(super) fn own_terms(&self, values: &Tensor) -> Tensor {
        let scales: Vec<Option<TargetScale>> = self
            .columns
            .iter()
            .map(|column| match column.kind {
                TargetKind::Number { scale } => scale,
                TargetKind::Category { .. } => None,
            })
            .collect();
        if scales.iter().all(Option::is_none) {
            return values.shallow_clone();
        }
        let along = |pick: fn(&TargetScale) -> f64| {
            let numbers: Vec<f32> = scales
                .iter()
                .map(|scale| pick(scale.as_ref().unwrap_or(&TargetScale::NONE)) as f32)
                .collect();
            Tensor::from_slice(&numbers).to_device(values.device())
        };
        let scaled = values * along(|scale| scale.deviation) + along(|scale| scale.mean);
        if !scales.iter().flatten().any(|scale| scale.log) {
            return scaled;
        }
        let logs = along(|scale| f64::from(u8::from(scale.log))).gt(0.5);
        scaled.expm1().where_self(&logs, &scaled)
    }
}

/// The name of an objective's series, without the part's prefix.
pub(super) fn series(objectives: &[Objective], objective: &Objective, name: &str) -> String {
    if objectives.len() == 1 { name.to_owned() } else { format!("{}_{name}", objective.name) }
}

/// The losses of a batch: the total that is learned from, then each objective's where there are several.
/// `weights` is what each example counts; the sum is divided by the examples all the same.
pub(super) fn losses(
    objectives: &[Objective],
    heads: &[Tensor],
    targets: &[Tensor],
    weights: Option<&Tensor>,
) -> Vec<Tensor> {
    let each: Vec<Tensor> = objectives
        .iter()
        .zip(heads.iter().zip(targets))
        .map(|(objective, (head, target))| match weights {
            None => objective.loss.forward(head, target, &objective.fitted),
            Some(weights) => (objective.loss.each(head, target, &objective.fitted) * weights).mean(None),
        })
        .collect();
    let weighted = |(objective, loss): (&Objective, &Tensor)| {
        if (objective.weight - 1.0).abs() < f64::EPSILON {
            loss.shallow_clone()
        } else {
            loss * objective.weight
        }
    };
    let total = objectives.iter().zip(&each).map(weighted).reduce(|total, loss| total + loss);
    let Some(total) = total else { return Vec::new() };
    if objectives.len() == 1 { vec![total] } else { std::iter::once(total).chain(each).collect() }
}

/// The losses with the network's penalties in the total, as Keras reports it.
pub(super) fn penalised(mut losses: Vec<Tensor>, network: &Network) -> Vec<Tensor> {
    if let (Some(total), Some(penalty)) = (losses.first_mut(), network.penalty()) {
        *total = &*total + penalty;
    }
    losses
}
