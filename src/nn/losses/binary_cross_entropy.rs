use tch::{Reduction, Tensor};

use super::{
    FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetForm, TargetView, by_example, fit_binary,
};
use crate::spec::Rate;

crate::record! {
    /// Binary cross-entropy, for yes or no: `−t log p − (1 − t) log(1 − p)`, the mean over the batch and the outputs
    /// (Goodfellow, Bengio and Courville, *Deep Learning*, section 6.2.2.2).
    ///
    /// The last layer has one unit for a target of two classes (it answers the probability of the second class), or
    /// one unit for each of several targets of nought and one, and the activation `sigmoid`; training computes both
    /// together on logits.
    pub struct BinaryCrossEntropy {
        /// Draws the targets towards a half by this share: `t · (1 − label_smoothing) + label_smoothing / 2`.
        pub label_smoothing: Rate = Rate::literal(0.0),
    }
}

impl LossConfig for BinaryCrossEntropy {
    fn target_form(&self) -> TargetForm {
        TargetForm::Binary
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_binary("binary_cross_entropy", output, target)
    }

    fn each(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        by_example(&self.reduced(output, target, fitted.form, Reduction::None))
    }

    fn forward(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        self.reduced(output, target, fitted.form, Reduction::Mean)
    }
}

impl BinaryCrossEntropy {
    fn reduced(&self, output: &Tensor, target: &Tensor, form: LossForm, reduction: Reduction) -> Tensor {
        let target = smoothed(target, self.label_smoothing.get());
        match form {
            LossForm::OnLogits => {
                output.binary_cross_entropy_with_logits::<Tensor>(&target, None, None, reduction)
            }
            LossForm::OnOutputs => output.binary_cross_entropy::<Tensor>(&target, None, reduction),
        }
    }
}

/// Targets of nought and one, drawn towards a half.
pub(super) fn smoothed(target: &Tensor, share: f64) -> Tensor {
    if share > 0.0 { target * (1.0 - share) + share / 2.0 } else { target.shallow_clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{TargetEncoding, Task};
    use super::*;

    const PLAIN: BinaryCrossEntropy = BinaryCrossEntropy { label_smoothing: Rate::literal(0.0) };

    #[test]
    fn ten_classes_are_refused_with_advice() {
        let shape = vec![10];
        let target = TargetView { classes: Some(10), columns: 1 };
        let misfit = PLAIN.fit(&OutputView { shape: &shape, activation: None }, &target).unwrap_err();
        assert!(matches!(misfit, Misfit::Loss(text) if text.contains("categorical_cross_entropy")));
    }

    #[test]
    fn both_forms_agree() {
        let logits = Tensor::from_slice2(&[[1.0_f64], [-2.0]]);
        let target = Tensor::from_slice2(&[[1.0_f64], [0.0]]);
        let fitted = |form| FittedLoss { form, target: TargetEncoding::Numbers, task: Task::Binary };
        let fused = PLAIN.forward(&logits, &target, &fitted(LossForm::OnLogits));
        let plain = PLAIN.forward(&logits.sigmoid(), &target, &fitted(LossForm::OnOutputs));
        let by_hand = f64::midpoint((1.0 + (-1.0_f64).exp()).ln(), (1.0 + (-2.0_f64).exp()).ln());
        assert!((fused.double_value(&[]) - by_hand).abs() < 1e-12);
        assert!((plain.double_value(&[]) - by_hand).abs() < 1e-12);
    }
}
