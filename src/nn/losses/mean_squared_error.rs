use tch::{Reduction, Tensor};

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_numbers};

crate::record! {
    /// Mean squared error, for numbers: `(y − t)²`, the mean over the batch and the outputs
    /// (Goodfellow, Bengio and Courville, *Deep Learning*, section 5.1.4).
    ///
    /// The last layer has one unit for each target column, mostly with the activation `linear`.
    pub struct MeanSquaredError {}
}

impl LossConfig for MeanSquaredError {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_numbers("mean_squared_error", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        by_example(&output.mse_loss(target, Reduction::None))
    }

    fn forward(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        output.mse_loss(target, Reduction::Mean)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{LossForm, TargetEncoding, Task};
    use super::*;

    #[test]
    fn the_mean_is_over_batch_and_outputs() {
        let output = Tensor::from_slice2(&[[1.0_f64, 2.0], [3.0, 4.0]]);
        let target = Tensor::from_slice2(&[[1.0_f64, 0.0], [0.0, 4.0]]);
        let fitted =
            FittedLoss { form: LossForm::OnOutputs, target: TargetEncoding::Numbers, task: Task::Numbers };
        assert_eq!(MeanSquaredError {}.forward(&output, &target, &fitted).double_value(&[]), 13.0 / 4.0);
    }
}
