use tch::Tensor;

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_numbers};

crate::record! {
    /// Mean absolute error, for numbers: `|y − t|`, the mean over the batch and the outputs; it finds the median where the
    /// squared error finds the mean.
    ///
    /// The last layer has one unit for each target column, mostly with the activation `linear`.
    pub struct MeanAbsoluteError {}
}

impl LossConfig for MeanAbsoluteError {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_numbers("mean_absolute_error", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        by_example(&(output - target).abs())
    }
}
