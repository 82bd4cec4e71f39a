use tch::{Reduction, Tensor};

use super::{
    FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetEncoding, TargetForm, TargetView, Task,
    check_width,
};

crate::record! {
    /// Categorical cross-entropy, for one class out of several: `−log p[class]`, the mean over the batch
    /// (Goodfellow, Bengio and Courville, *Deep Learning*, section 6.2.2.3).
    ///
    /// The last layer has one unit for each class and the activation `softmax`; training computes both together, as
    /// `logsumexp(z) − z[class]`, which stays finite where a probability rounds to nought.
    pub struct CategoricalCrossEntropy {}
}

impl LossConfig for CategoricalCrossEntropy {
    fn target_form(&self) -> TargetForm {
        TargetForm::Classes
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.classes.unwrap_or(1)
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        let Some(classes) = target.classes else {
            return Err(Misfit::Loss(
                "categorical_cross_entropy needs one target column of classes; for numbers take mean_squared_error".into(),
            ));
        };
        if output.activation_name() != "softmax" {
            let hint = if classes == 2 && output.activation_name() == "sigmoid" {
                "; for two classes and one sigmoid take binary_cross_entropy"
            } else {
                ""
            };
            return Err(Misfit::Loss(format!(
                "categorical_cross_entropy needs probabilities, but the output's activation is {}: give the last \
                 layer the activation softmax{hint}",
                output.activation_name()
            )));
        }
        check_width(output, classes, &format!("the target has {classes} classes"))?;
        Ok(FittedLoss { form: LossForm::OnLogits, target: TargetEncoding::ClassIndex, task: Task::Classes })
    }

    fn forward(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        match fitted.form {
            LossForm::OnLogits => {
                output.cross_entropy_loss::<Tensor>(target, None, Reduction::Mean, -100, 0.0)
            }
            LossForm::OnOutputs => output.log().nll_loss(target),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nn::activations::Activation;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn activation(word: &str) -> Activation {
        Activation::read(&word.into(), &Pointer::root(), &mut SpecErrors::new()).unwrap()
    }

    const TEN: TargetView = TargetView { classes: Some(10), columns: 1 };

    #[test]
    fn an_unbounded_head_is_refused_with_advice() {
        let shape = vec![10];
        let misfit = CategoricalCrossEntropy {}
            .fit(&OutputView { shape: &shape, activation: None }, &TEN)
            .unwrap_err();
        assert!(matches!(misfit, Misfit::Loss(text) if text.contains("softmax")));
    }

    #[test]
    fn a_wrong_width_is_told_apart() {
        let (shape, softmax) = (vec![9], activation("softmax"));
        let output = OutputView { shape: &shape, activation: Some(&softmax) };
        assert!(matches!(CategoricalCrossEntropy {}.fit(&output, &TEN).unwrap_err(), Misfit::Width(_)));
    }

    #[test]
    fn both_forms_agree_and_logits_stay_finite() {
        let logits = Tensor::from_slice2(&[[1.0_f64, 2.0, 0.5], [0.1, -1.0, 3.0]]);
        let target = Tensor::from_slice(&[1_i64, 0]);
        let fitted = |form| FittedLoss { form, target: TargetEncoding::ClassIndex, task: Task::Classes };
        let loss = CategoricalCrossEntropy {};
        let fused = loss.forward(&logits, &target, &fitted(LossForm::OnLogits));
        let plain = loss.forward(&logits.softmax(-1, None), &target, &fitted(LossForm::OnOutputs));
        assert!((fused.double_value(&[]) - plain.double_value(&[])).abs() < 1e-12);
        let extreme = Tensor::from_slice2(&[[1000.0_f64, -1000.0, 0.0]]);
        let value = loss.forward(&extreme, &Tensor::from_slice(&[1_i64]), &fitted(LossForm::OnLogits));
        assert!((value.double_value(&[]) - 2000.0).abs() < 1e-9);
    }
}
