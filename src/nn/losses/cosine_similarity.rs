use tch::Tensor;

use super::{FittedLoss, LossConfig, Misfit, OutputView, TargetForm, TargetView, fit_numbers};

crate::record! {
    /// Cosine similarity, for directions: `−y · t / (|y| |t|)`, the mean over the batch; −1 where output and target point the
    /// same way, as in Keras. Lengths below 1e-6 count as that.
    ///
    /// The last layer has one unit for each of two or more target columns, mostly with the activation `linear`.
    pub struct CosineSimilarity {}
}

impl LossConfig for CosineSimilarity {
    fn target_form(&self) -> TargetForm {
        TargetForm::Numbers
    }

    fn width(&self, target: &TargetView) -> u64 {
        target.columns
    }

    fn fit(&self, output: &OutputView, target: &TargetView) -> Result<FittedLoss, Misfit> {
        if target.classes.is_none() && target.columns < 2 {
            return Err(Misfit::Loss(
                "cosine_similarity needs a target of two or more columns, and there is one: take mean_squared_error".into(),
            ));
        }
        fit_numbers("cosine_similarity", output, target, 1)
    }

    fn each(&self, output: &Tensor, target: &Tensor, _fitted: &FittedLoss) -> Tensor {
        let unit = |vectors: &Tensor| {
            let squares = vectors.square().sum_dim_intlist(&[1_i64][..], true, None);
            vectors * squares.clamp_min(1e-12).rsqrt()
        };
        -(unit(output) * unit(target)).sum_dim_intlist(&[1_i64][..], false, None)
    }
}
