use tch::{Reduction, Tensor};

use super::{FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetForm, TargetView, fit_classes};
use crate::spec::Rate;

crate::record! {
    /// Categorical cross-entropy, for one class out of several: `−log p[class]`, the mean over the batch
    /// (Goodfellow, Bengio and Courville, *Deep Learning*, section 6.2.2.3).
    ///
    /// The last layer has one unit for each class and the activation `softmax`; training computes both together, as
    /// `logsumexp(z) − z[class]`, which stays finite where a probability rounds to nought. The
    /// target is one column of classes, or a column of nought and one for each class.
    pub struct CategoricalCrossEntropy {
        /// Spreads this share of each target evenly over all classes (Szegedy and others, *Rethinking the Inception
        /// Architecture for Computer Vision*, 2016).
        pub label_smoothing: Rate = Rate::literal(0.0),
    }
}

impl LossConfig for CategoricalCrossEntropy {
    fn target_form(&self) -> TargetForm {
        TargetForm::Classes
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.classes.unwrap_or(1)
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_classes("categorical_cross_entropy", output, target)
    }

    fn each(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        self.reduced(output, target, fitted.form, Reduction::None)
    }

    fn forward(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        self.reduced(output, target, fitted.form, Reduction::Mean)
    }
}

impl CategoricalCrossEntropy {
    fn reduced(&self, output: &Tensor, target: &Tensor, form: LossForm, reduction: Reduction) -> Tensor {
        // Logarithms of probabilities are logits too.
        let logits = match form {
            LossForm::OnLogits => output.shallow_clone(),
            LossForm::OnOutputs => output.log(),
        };
        logits.cross_entropy_loss::<Tensor>(target, None, reduction, -100, self.label_smoothing.get())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TargetEncoding, Task};
    use super::*;
    use crate::nn::activations::Activation;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn activation(word: &str) -> Activation {
        Activation::read(&word.into(), &Pointer::root(), &mut SpecErrors::new()).unwrap()
    }

    const PLAIN: CategoricalCrossEntropy = CategoricalCrossEntropy { label_smoothing: Rate::literal(0.0) };
    const TEN: TargetView = TargetView { classes: Some(10), columns: 1 };

    #[test]
    fn an_unbounded_head_is_refused_with_advice() {
        let shape = vec![10];
        let misfit = PLAIN.fit(&OutputView { shape: &shape, activation: None }, &TEN).unwrap_err();
        assert!(matches!(misfit, Misfit::Loss(text) if text.contains("softmax")));
    }

    #[test]
    fn a_wrong_width_is_told_apart() {
        let (shape, softmax) = (vec![9], activation("softmax"));
        let output = OutputView { shape: &shape, activation: Some(&softmax) };
        assert!(matches!(PLAIN.fit(&output, &TEN).unwrap_err(), Misfit::Width(_)));
    }

    #[test]
    fn both_forms_agree_and_logits_stay_finite() {
        let logits = Tensor::from_slice2(&[[1.0_f64, 2.0, 0.5], [0.1, -1.0, 3.0]]);
        let target = Tensor::from_slice(&[1_i64, 0]);
        let fitted = |form| FittedLoss { form, target: TargetEncoding::ClassIndex, task: Task::Classes };
        let fused = PLAIN.forward(&logits, &target, &fitted(LossForm::OnLogits));
        let plain = PLAIN.forward(&logits.softmax(-1, None), &target, &fitted(LossForm::OnOutputs));
        assert!((fused.double_value(&[]) - plain.double_value(&[])).abs() < 1e-12);
        let extreme = Tensor::from_slice2(&[[1000.0_f64, -1000.0, 0.0]]);
        let value = PLAIN.forward(&extreme, &Tensor::from_slice(&[1_i64]), &fitted(LossForm::OnLogits));
        assert!((value.double_value(&[]) - 2000.0).abs() < 1e-9);
    }
}
