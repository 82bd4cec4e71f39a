use tch::Tensor;

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_numbers};

crate::record! {
    /// The logarithm of the hyperbolic cosine, for numbers with outliers: `log cosh(y − t)`, the mean over the batch and the
    /// outputs; about `d² / 2` for small distances and `|d| − log 2` for great ones.
    ///
    /// The last layer has one unit for each target column, mostly with the activation `linear`.
    pub struct LogCosh {}
}

impl LossConfig for LogCosh {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_numbers("log_cosh", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        // log cosh d = d + log(1 + e^(−2 d)) − log 2, where nothing overflows.
        let distance = output - target;
        by_example(&(&distance + (&distance * -2.0).softplus() - std::f64::consts::LN_2))
    }
}
