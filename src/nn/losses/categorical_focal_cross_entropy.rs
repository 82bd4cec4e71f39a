use tch::Tensor;

use super::{FittedLoss, LossConfig, LossForm, Misfit, OutputView, TargetForm, TargetView, fit_classes};
use crate::spec::{NonNegative, Positive, Rate};

/// What a certain answer leaves of `1 − p`: its powers have finite slopes.
const LEAST: f64 = 1e-7;

crate::record! {
    /// Focal cross-entropy, for one class out of several of which some are rare: `−alpha · Σ (1 − p)^gamma · t log p`, the mean
    /// over the batch (Lin and others, *Focal Loss for Dense Object Detection*, 2017, as Keras's
    /// `CategoricalFocalCrossentropy`).
    ///
    /// The last layer has one unit for each class and the activation `softmax`.
    pub struct CategoricalFocalCrossEntropy {
        /// The factor of every class.
        pub alpha: Positive = Positive::literal(0.25),
        /// How much is made of the hard examples.
        pub gamma: NonNegative = NonNegative::literal(2.0),
        /// Spreads this share of each target evenly over all classes.
        pub label_smoothing: Rate = Rate::literal(0.0),
    }
}

impl LossConfig for CategoricalFocalCrossEntropy {
    fn target_form(&self) -> TargetForm {
        TargetForm::Classes
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.classes.unwrap_or(1)
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_classes("categorical_focal_cross_entropy", output, target)
    }

    fn each(&self, output: &Tensor, target: &Tensor, fitted: &FittedLoss) -> Tensor {
        let logarithms = match fitted.form {
            LossForm::OnLogits => output.log_softmax(-1, None),
            LossForm::OnOutputs => output.log(),
        };
        let classes = output.size()[1];
        let share = self.label_smoothing.get();
        let target = target.one_hot(classes).to_kind(output.kind());
        let target = target * (1.0 - share) + share / classes as f64;
        let easy = (1.0_f64 - logarithms.exp()).clamp_min(LEAST).pow_tensor_scalar(self.gamma.get());
        let each = easy * target * logarithms * -self.alpha.get();
        each.sum_dim_intlist(&[1_i64][..], false, None)
    }
}
