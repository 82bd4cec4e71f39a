use tch::Tensor;

use super::{
    FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, Task, by_example, fit_numbers,
};

/// What is added to every variance.
const LEAST: f64 = 1e-6;

crate::record! {
    /// The negative logarithm of a normal density, for numbers and how certain they are: `(log v + (m − t)² / v) / 2`, the mean
    /// over the batch and the targets (Nix and Weigend, *Estimating the Mean and Variance of the Target Probability
    /// Distribution*, 1994; without the constant, as PyTorch's `GaussianNLLLoss`).
    ///
    /// The last layer has two units for each target column and the activation `linear`: first the means `m`, then as many
    /// numbers `r` of which the variances are made, `v = softplus(r) + 1e-6`. Metrics look at the means; predictions answer
    /// `value` and `deviation`.
    pub struct GaussianNll {}
}

impl LossConfig for GaussianNll {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns.saturating_mul(2)
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        let fitted = fit_numbers("gaussian_nll", output, target, 2)?;
        if output.activation_name() != "linear" {
            return Err(Misfit::Loss(format!(
                "gaussian_nll makes the variances itself, but the output's activation is {}: give the last layer the \
                 activation linear",
                output.activation_name()
            )));
        }
        Ok(FittedLoss { task: Task::Gaussian, ..fitted })
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        let [means, variances] = &output.chunk(2, 1)[..] else { return target.zeros_like() };
        let variances = variances.softplus() + LEAST;
        by_example(&((variances.log() + (means - target).square() / variances) * 0.5))
    }
}

impl GaussianNll {
    /// The deviation that an output stands for.
    pub fn deviation(output: f64) -> f64 {
        // softplus(r) = max(r, 0) + log(1 + e^(−|r|)), where nothing overflows.
        (output.max(0.0) + (-output.abs()).exp().ln_1p() + LEAST).sqrt()
    }
}
