use tch::Tensor;

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_numbers};

crate::record! {
    /// Mean absolute percentage error, for numbers far from nought: `100 · |y − t| / |t|`, the mean over the batch and the
    /// outputs; a target nearer to nought than 1e-7 counts as that, as in Keras.
    ///
    /// The last layer has one unit for each target column, mostly with the activation `linear`.
    pub struct MeanAbsolutePercentageError {}
}

impl LossConfig for MeanAbsolutePercentageError {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_numbers("mean_absolute_percentage_error", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        by_example(&((output - target).abs() / target.abs().clamp_min(1e-7) * 100.0))
    }
}
