use tch::{Reduction, Tensor};

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, by_example, fit_numbers};
use crate::spec::Positive;

crate::record! {
    /// Huber's loss, for numbers with outliers: `d² / 2` where the distance `d = |y − t|` is at most `delta`, and
    /// `delta · (d − delta / 2)` beyond, the mean over the batch and the outputs (Huber, *Robust Estimation of a Location
    /// Parameter*, 1964).
    ///
    /// The last layer has one unit for each target column, mostly with the activation `linear`.
    pub struct Huber {
        /// Where the square ends and the straight line begins.
        pub delta: Positive = Positive::literal(1.0),
    }
}

impl LossConfig for Huber {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        fit_numbers("huber", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        by_example(&output.huber_loss(target, Reduction::None, self.delta.get()))
    }
}
