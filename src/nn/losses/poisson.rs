use tch::Tensor;

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_numbers};

/// Activations that are never below nought.
const POSITIVE: &[&str] = &["exponential", "softplus", "relu", "sigmoid"];

crate::record! {
    /// Poisson's loss, for counts: `y − t log y`, the mean over the batch and the outputs; up to what does not depend on `y` the
    /// negative logarithm of the probability of `t` under a Poisson distribution of mean `y`. 1e-7 is added to `y` within the
    /// logarithm, as in Keras.
    ///
    /// The last layer has one unit for each target column and an activation above nought: `exponential` or `softplus`.
    pub struct Poisson {}
}

impl LossConfig for Poisson {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        if !POSITIVE.contains(&output.activation_name()) {
            return Err(Misfit::Loss(format!(
                "poisson needs an output above nought, but the output's activation is {}: give the last layer one of {}",
                output.activation_name(),
                POSITIVE.join(", ")
            )));
        }
        fit_numbers("poisson", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        by_example(&(output - target * (output + 1e-7).log()))
    }
}
