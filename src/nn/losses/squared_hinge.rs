use tch::Tensor;

use super::{
    FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_margin, signs,
};

crate::record! {
    /// The squared hinge, for yes or no: `max(1 − s y, 0)²` with `s` −1 and 1 for the targets 0 and 1, the mean over the batch and
    /// the outputs (Cortes and Vapnik, *Support-Vector Networks*, 1995).
    ///
    /// The last layer has one unit for a target of two classes, or one for each of several targets of nought and one, and the
    /// activation `linear` or `tanh`; above nought it says the second class.
    pub struct SquaredHinge {}
}

impl LossConfig for SquaredHinge {
    fn target_form(&self) -> TargetForm {
        TargetForm::Binary
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_margin("squared_hinge", output, target)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        by_example(&(1.0_f64 - signs(target) * output).clamp_min(0.0).square())
    }
}
