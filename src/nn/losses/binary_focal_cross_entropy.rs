use tch::{Reduction, Tensor};

use super::binary_cross_entropy::smoothed;
use super::{
    FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetForm, TargetView, by_example, fit_binary,
};
use crate::spec::{Fraction, NonNegative, Rate};

/// What a certain answer leaves of `1 − q`: its powers have finite slopes.
const LEAST: f64 = 1e-7;

crate::record! {
    /// Focal cross-entropy, for yes or no where one of them is rare: `−(1 − q)^gamma · log q` with `q` the probability given to
    /// what is right, the mean over the batch and the outputs (Lin and others, *Focal Loss for Dense Object Detection*, 2017,
    /// as Keras's `BinaryFocalCrossentropy`).
    ///
    /// The last layer is that of `binary_cross_entropy`, with the activation `sigmoid`.
    pub struct BinaryFocalCrossEntropy {
        /// The factor of one; nought has the rest to 1. No factors where it is absent, Keras's `apply_class_balancing` that is
        /// false; where that is true, Keras's `alpha` is 0.25.
        pub alpha: Option<Fraction> = None,
        /// How much is made of the hard examples.
        pub gamma: NonNegative = NonNegative::literal(2.0),
        /// Draws the targets towards a half by this share, as in `binary_cross_entropy`.
        pub label_smoothing: Rate = Rate::literal(0.0),
    }
}

impl LossConfig for BinaryFocalCrossEntropy {
    fn target_form(&self) -> TargetForm {
        TargetForm::Binary
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_binary("binary_focal_cross_entropy", output, target)
    }

    fn each(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        let target = smoothed(target, self.label_smoothing.get());
        let (probability, entropy) = match fitted.form {
            LossForm::OnLogits => (
                output.sigmoid(),
                output.binary_cross_entropy_with_logits::<Tensor>(&target, None, None, Reduction::None),
            ),
            LossForm::OnOutputs => (
                output.shallow_clone(),
                output.binary_cross_entropy::<Tensor>(&target, None, Reduction::None),
            ),
        };
        let wrong = &target * (1.0_f64 - &probability) + (1.0_f64 - &target) * &probability;
        let mut each = wrong.clamp_min(LEAST).pow_tensor_scalar(self.gamma.get()) * entropy;
        if let Some(alpha) = self.alpha {
            each *= &target * alpha.get() + (1.0_f64 - &target) * (1.0 - alpha.get());
        }
        by_example(&each)
    }
}
