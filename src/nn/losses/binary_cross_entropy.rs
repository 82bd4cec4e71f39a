use tch::{Reduction, Tensor};

use super::{
    FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetEncoding, TargetForm, TargetView, Task,
    check_width,
};

crate::record! {
    /// Binary cross-entropy, for yes or no: `−t log p − (1 − t) log(1 − p)`, the mean over the batch and the outputs
    /// (Goodfellow, Bengio and Courville, *Deep Learning*, section 6.2.2.2).
    ///
    /// The last layer has one unit for a target of two classes (it answers the probability of the second class), or
    /// one unit for each of several targets of nought and one, and the activation `sigmoid`; training computes both
    /// together on logits.
    pub struct BinaryCrossEntropy {}
}

impl LossConfig for BinaryCrossEntropy {
    fn target_form(&self) -> TargetForm {
        TargetForm::Binary
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        if let Some(classes) = target.classes
            && classes != 2
        {
            return Err(Misfit::Loss(format!(
                "binary_cross_entropy needs a target of two classes, and this one has {classes}: take \
                 categorical_cross_entropy with softmax"
            )));
        }
        if output.activation_name() != "sigmoid" {
            return Err(Misfit::Loss(format!(
                "binary_cross_entropy needs a probability, but the output's activation is {}: give the last layer \
                 the activation sigmoid",
                output.activation_name()
            )));
        }
        let why = if target.columns == 1 {
            "a target of two classes takes one probability".to_owned()
        } else {
            format!("there are {} targets", target.columns)
        };
        check_width(output, target.columns, &why)?;
        Ok(FittedLoss { form: LossForm::OnLogits, target: TargetEncoding::Numbers, task: Task::Binary })
    }

    fn forward(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        match fitted.form {
            LossForm::OnLogits => {
                output.binary_cross_entropy_with_logits::<Tensor>(target, None, None, Reduction::Mean)
            }
            LossForm::OnOutputs => output.binary_cross_entropy::<Tensor>(target, None, Reduction::Mean),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_classes_are_refused_with_advice() {
        let shape = vec![10];
        let target = TargetView { classes: Some(10), columns: 1 };
        let misfit =
            BinaryCrossEntropy {}.fit(&OutputView { shape: &shape, activation: None }, &target).unwrap_err();
        assert!(matches!(misfit, Misfit::Loss(text) if text.contains("categorical_cross_entropy")));
    }

    #[test]
    fn both_forms_agree() {
        let logits = Tensor::from_slice2(&[[1.0_f64], [-2.0]]);
        let target = Tensor::from_slice2(&[[1.0_f64], [0.0]]);
        let fitted = |form| FittedLoss { form, target: TargetEncoding::Numbers, task: Task::Binary };
        let loss = BinaryCrossEntropy {};
        let fused = loss.forward(&logits, &target, &fitted(LossForm::OnLogits));
        let plain = loss.forward(&logits.sigmoid(), &target, &fitted(LossForm::OnOutputs));
        let by_hand = f64::midpoint((1.0 + (-1.0_f64).exp()).ln(), (1.0 + (-2.0_f64).exp()).ln());
        assert!((fused.double_value(&[]) - by_hand).abs() < 1e-12);
        assert!((plain.double_value(&[]) - by_hand).abs() < 1e-12);
    }
}
