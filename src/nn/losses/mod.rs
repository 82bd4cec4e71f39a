//! Losses: how far a network's output is from its target. One file each.

use tch::Tensor;

use crate::nn::activations::Activation;
use crate::spec::Shape;

crate::components! {
    /// What training makes small.
    pub enum Loss: dyn LossConfig, "a loss" { CategoricalCrossEntropy, BinaryCrossEntropy, MeanSquaredError }
}

/// What a loss must say of itself.
pub trait LossConfig {
    /// How the target's columns are to be read for this loss.
    fn target_form(&self) -> TargetForm;

    /// How many outputs the target asks for: what `units` of a last layer is where it is left out.
    fn width(&self, target: &TargetView) -> u64;

    /// Fits the loss to an output and a target whose columns are in the form that was asked for.
    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit>;

    /// The mean over the batch, a scalar. `output` is `[n, …]`, logits where `fitted` says so; `target` is as
    /// `fitted.target` says.
    fn forward(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor;
}

/// How a target's columns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// One column of classes.
    Classes,
    /// One column of two classes, or several columns of nought and one.
    Binary,
    Numbers,
}

/// What is known of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// The classes of a single category column; none for numbers.
    pub classes: Option<u64>,
    pub columns: u64,
}

/// What is known of an output.
#[derive(Clone, Copy, Debug)]
pub struct OutputView<'a> {
    pub shape: &'a Shape,
    /// What its node applies last.
    pub activation: Option<&'a Activation>,
}

impl OutputView<'_> {
    /// The activation's word; `linear` where there is none.
    pub fn activation_name(&self) -> &'static str {
        self.activation.map_or("linear", |activation| activation.name())
    }
}

/// A loss that fits its output and target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FittedLoss {
    pub form: LossForm,
    pub target: TargetEncoding,
    pub task: Task,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LossForm {
    /// Computed before the output's last softmax or sigmoid, fused with it: stable where their product is not.
    OnLogits,
    OnOutputs,
}

/// What a target tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetEncoding {
    /// `[n]`, int64.
    ClassIndex,
    /// `[n, columns]`, float32: numbers, or nought and one.
    Numbers,
}

/// What an output says; metrics and answers are made accordingly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Probabilities by class.
    Classes,
    /// The probability of the second class, or of one, by output.
    Binary,
    Numbers,
}

/// Why a loss does not fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The loss is the wrong one for its output or target.
    Loss(String),
    /// The output has the wrong width; the text tells which one is right and why.
    Width(String),
}

/// Notes an output that is no vector of `width`.
fn check_width(output: &OutputView, width: u64, why: &str) -> Result<(), Misfit> {
    if output.shape.as_slice() == [width] {
        return Ok(());
    }
    let misfit = match output.shape.as_slice() {
        [units] => Misfit::Width(format!("the output has {units} units, but {why}: {width} are needed")),
        shape => Misfit::Loss(format!(
            "the output has the shape {shape:?}, but {why}: [{width}] is needed (flatten it first)"
        )),
    };
    Err(misfit)
}
