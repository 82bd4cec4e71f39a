//! Losses: how far a network's output is from its target. One file each.

use tch::Tensor;

use crate::nn::activations::Activation;
use crate::spec::Shape;

crate::components! {
    /// What training makes small.
    pub enum Loss: dyn LossConfig, "a loss" {
        CategoricalCrossEntropy, BinaryCrossEntropy, CategoricalFocalCrossEntropy, BinaryFocalCrossEntropy, Hinge,
        SquaredHinge, KlDivergence, MeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, Huber, LogCosh,
        Poisson, CosineSimilarity, GaussianNll
    }
}

/// What a loss must say of itself.
pub trait LossConfig {
    /// How the target's columns are to be read for this loss.
    fn target_form(&self) -> TargetForm;

    /// How many outputs the target asks for: what `units` of a last layer is where it is left out.
    fn width(&self, target: &TargetView) -> u64;

    /// Fits the loss to an output and a target whose columns are in the form that was asked for.
    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit>;

    /// The loss of each example, `[n]`. `output` is `[n, …]`, logits where `fitted` says so; `target` is as
    /// `fitted.target` says.
    fn each(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor;

    /// The mean over the batch, a scalar.
    fn forward(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        self.each(output, target, fitted).mean(None)
    }
}

/// How a target's columns are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetForm {
    /// One column of classes, or a column of nought and one for each class.
    Classes,
    /// One column of two classes, or several columns of nought and one.
    Binary,
    Numbers,
}

/// What is known of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetView {
    /// The classes of a single category column, or of the columns that are one class each; none for numbers.
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
    /// A score by output, above nought for the second class or for one.
    Margin,
    Numbers,
    /// Numbers, and behind them what makes a variance of each (see [`GaussianNll`]).
    Gaussian,
}

impl Task {
    /// Above this an output says the second class, or one.
    pub fn threshold(self) -> f64 {
        if self == Self::Margin { 0.0 } else { 0.5 }
    }
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

/// Losses for one class out of several: the last layer has a unit for each and the activation `softmax`.
fn fit_classes(loss: &str, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
    let Some(classes) = target.classes else {
        return Err(Misfit::Loss(format!(
            "{loss} needs one target column of classes; for numbers take mean_squared_error"
        )));
    };
    if output.activation_name() != "softmax" {
        let hint = if classes == 2 && output.activation_name() == "sigmoid" {
            "; for two classes and one sigmoid take binary_cross_entropy"
        } else {
            ""
        };
        return Err(Misfit::Loss(format!(
            "{loss} needs probabilities, but the output's activation is {}: give the last layer the activation \
             softmax{hint}",
            output.activation_name()
        )));
    }
    check_width(output, classes, &format!("the target has {classes} classes"))?;
    Ok(FittedLoss { form: LossForm::OnLogits, target: TargetEncoding::ClassIndex, task: Task::Classes })
}

/// A target for yes or no, alone or several of them.
fn check_binary(loss: &str, output: &OutputView, target: &TargetView, one: &str) -> Result<(), Misfit> {
    if let Some(classes) = target.classes
        && classes != 2
    {
        return Err(Misfit::Loss(format!(
            "{loss} needs a target of two classes, and this one has {classes}: take categorical_cross_entropy with \
             softmax"
        )));
    }
    let why = if target.columns == 1 {
        format!("a target of two classes takes one {one}")
    } else {
        format!("there are {} targets", target.columns)
    };
    check_width(output, target.columns, &why)
}

/// Losses for yes or no on probabilities: the activation is `sigmoid`.
fn fit_binary(loss: &str, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
    if output.activation_name() != "sigmoid" && target.classes.is_none_or(|classes| classes == 2) {
        return Err(Misfit::Loss(format!(
            "{loss} needs a probability, but the output's activation is {}: give the last layer the activation sigmoid",
            output.activation_name()
        )));
    }
    check_binary(loss, output, target, "probability")?;
    Ok(FittedLoss { form: LossForm::OnLogits, target: TargetEncoding::Numbers, task: Task::Binary })
}

/// Losses for yes or no on scores from minus to plus one and beyond.
fn fit_margin(loss: &str, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
    if !matches!(output.activation_name(), "linear" | "tanh") {
        return Err(Misfit::Loss(format!(
            "{loss} needs a score on both sides of nought, but the output's activation is {}: give the last layer the \
             activation linear or tanh",
            output.activation_name()
        )));
    }
    check_binary(loss, output, target, "score")?;
    Ok(FittedLoss { form: LossForm::OnOutputs, target: TargetEncoding::Numbers, task: Task::Margin })
}

/// Nought and one as minus and plus one.
fn signs(target: &Tensor) -> Tensor {
    target * 2.0 - 1.0
}

/// Losses for numbers: the last layer has `each` units for every target column.
fn fit_numbers(
    loss: &str,
    output: &OutputView,
    target: &TargetView,
    each: u64,
) -> Result<FittedLoss, Misfit> {
    if target.classes.is_some() {
        return Err(Misfit::Loss(format!(
            "{loss} needs numbers, and the target holds classes: take categorical_cross_entropy with softmax"
        )));
    }
    if output.activation_name() == "softmax" {
        return Err(Misfit::Loss(format!(
            "{loss} needs numbers, but the output's activation is softmax: take linear for numbers, or \
             categorical_cross_entropy for classes"
        )));
    }
    let why = match target.columns {
        1 => "there is one target column".to_owned(),
        columns => format!("there are {columns} target columns"),
    };
    let why = if each == 1 { why } else { format!("{why} and each takes {each}") };
    check_width(output, target.columns.saturating_mul(each), &why)?;
    Ok(FittedLoss { form: LossForm::OnOutputs, target: TargetEncoding::Numbers, task: Task::Numbers })
}

/// The mean of each example's elements: `[n]` out of `[n, …]`.
fn by_example(elements: &Tensor) -> Tensor {
    elements.flatten(1, -1).mean_dim(&[1_i64][..], false, None)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn read<T: Field>(body: &Value) -> T {
        let mut errors = SpecErrors::new();
        T::read(body, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{errors}"))
    }

    fn tensor(value: &Value) -> Tensor {
        let numbers: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
        Tensor::from_slice2(&numbers)
    }

    /// Values and gradients against Keras; `tests/golden/losses.py` makes them.
    #[test]
    fn values_and_gradients_are_keras_s() {
        let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/losses.json")).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        for name in Loss::NAMES {
            assert!(cases.iter().any(|case| case["loss"]["type"] == *name), "{name} has no golden value");
        }
        for case in cases {
            let (loss, body): (Loss, &Value) = (read(&case["loss"]), &case["loss"]);
            let activation: Activation = read(&case["activation"]);
            let view = TargetView {
                classes: case["classes"].as_u64(),
                columns: case["target"][0].as_array().map_or(1, |row| row.len() as u64),
            };
            let logits = tensor(&case["logits"]).set_requires_grad(true);
            let shape = vec![logits.size()[1] as u64];
            let fitted = loss.fit(&OutputView { shape: &shape, activation: Some(&activation) }, &view);
            let fitted = fitted.unwrap_or_else(|misfit| panic!("{body}: {misfit:?}"));
            let target = match fitted.target {
                TargetEncoding::ClassIndex => {
                    Tensor::from_slice(&serde_json::from_value::<Vec<i64>>(case["target"].clone()).unwrap())
                }
                TargetEncoding::Numbers => tensor(&case["target"]),
            };
            let head = match fitted.form {
                LossForm::OnLogits => logits.shallow_clone(),
                LossForm::OnOutputs => activation.apply(&logits),
            };
            let close = |found: &Tensor, expected: &Tensor, what: &str| {
                let error = (found - expected).abs().max().double_value(&[]);
                // Keras takes means in single precision.
                let scale = expected.abs().max().double_value(&[]).max(1.0);
                assert!(error < 1e-6 * scale, "{body}: its {what} is off by {error}");
            };
            let each = loss.each(&head, &target, &fitted);
            let expected: Vec<f64> = serde_json::from_value(case["each"].clone()).unwrap();
            close(&each, &Tensor::from_slice(&expected), "value");
            let value = loss.forward(&head, &target, &fitted);
            close(&value, &each.mean(None), "mean");
            let gradient = Tensor::run_backward(&[&value], &[&logits], false, false).remove(0);
            close(&gradient, &tensor(&case["gradient"]), "gradient");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused_with_advice() {
        let (two, one) = (vec![2], vec![1]);
        let refusal = |loss: &Value, shape, activation: &str, classes, columns| {
            let activation: Activation = read(&json!(activation));
            let output = OutputView { shape, activation: Some(&activation) };
            match read::<Loss>(loss).fit(&output, &TargetView { classes, columns }) {
                Err(Misfit::Loss(why) | Misfit::Width(why)) => why,
                Ok(_) => panic!("{loss} fits"),
            }
        };
        let refusals = [
            refusal(&json!("hinge"), &one, "sigmoid", Some(2), 1),
            refusal(&json!("squared_hinge"), &one, "linear", Some(3), 1),
            refusal(&json!("huber"), &one, "linear", Some(3), 1),
            refusal(&json!("log_cosh"), &two, "linear", None, 1),
            refusal(&json!("poisson"), &one, "linear", None, 1),
            refusal(&json!("cosine_similarity"), &one, "linear", None, 1),
            refusal(&json!("kl_divergence"), &two, "sigmoid", None, 2),
            refusal(&json!("kl_divergence"), &one, "softmax", None, 1),
            refusal(&json!("gaussian_nll"), &one, "linear", None, 1),
            refusal(&json!("gaussian_nll"), &two, "relu", None, 1),
            refusal(&json!("binary_focal_cross_entropy"), &one, "linear", Some(2), 1),
            refusal(&json!("categorical_focal_cross_entropy"), &one, "softmax", Some(2), 1),
        ];
        insta::assert_snapshot!(refusals.join("\n"), @r"
        hinge needs a score on both sides of nought, but the output's activation is sigmoid: give the last layer the activation linear or tanh
        squared_hinge needs a target of two classes, and this one has 3: take categorical_cross_entropy with softmax
        huber needs numbers, and the target holds classes: take categorical_cross_entropy with softmax
        the output has 2 units, but there is one target column: 1 are needed
        poisson needs an output above nought, but the output's activation is linear: give the last layer one of exponential, softplus, relu, sigmoid
        cosine_similarity needs a target of two or more columns, and there is one: take mean_squared_error
        kl_divergence needs a distribution, but the output's activation is sigmoid: give the last layer the activation softmax
        kl_divergence needs two or more target columns that hold a distribution; for classes take categorical_cross_entropy
        the output has 1 units, but there is one target column and each takes 2: 2 are needed
        gaussian_nll makes the variances itself, but the output's activation is relu: give the last layer the activation linear
        binary_focal_cross_entropy needs a probability, but the output's activation is linear: give the last layer the activation sigmoid
        the output has 1 units, but the target has 2 classes: 2 are needed
        ");
    }
}
