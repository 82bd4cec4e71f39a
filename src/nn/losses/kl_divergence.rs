use tch::Tensor;

use super::{
    FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetEncoding, TargetForm, TargetView, Task,
    check_width,
};

crate::record! {
    /// The divergence of Kullback and Leibler, for distributions: `Σ t log(t / p)` over the outputs, the mean over the batch
    /// (Goodfellow, Bengio and Courville, *Deep Learning*, section 3.13).
    ///
    /// The target is two or more columns that hold a distribution; the last layer has one unit for each and the activation
    /// `softmax`, which training computes together with the loss.
    pub struct KlDivergence {}
}

impl LossConfig for KlDivergence {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        if target.classes.is_some() || target.columns < 2 {
            return Err(Misfit::Loss(
                "kl_divergence needs two or more target columns that hold a distribution; for classes take \
                 categorical_cross_entropy"
                    .into(),
            ));
        }
        if output.activation_name() != "softmax" {
            return Err(Misfit::Loss(format!(
                "kl_divergence needs a distribution, but the output's activation is {}: give the last layer the \
                 activation softmax",
                output.activation_name()
            )));
        }
        check_width(output, target.columns, &format!("there are {} target columns", target.columns))?;
        Ok(FittedLoss { form: LossForm::OnLogits, target: TargetEncoding::Numbers, task: Task::Numbers })
    }

    fn each(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        let logarithms = match fitted.form {
            LossForm::OnLogits => output.log_softmax(-1, None),
            LossForm::OnOutputs => output.log(),
        };
        // Nought times its logarithm is nought.
        (target.xlogy(target) - target * logarithms).sum_dim_intlist(&[1_i64][..], false, None)
    }
}
