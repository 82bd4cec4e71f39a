//! Examples mixed in pairs.

use super::{AugmentationConfig, Effect, ImageShape, Unfit};
use crate::spec::Positive;

crate::record! {
    /// Mixes every example of a batch with another one of it, inputs and targets alike: `λ·x + (1 − λ)·x'` and
    /// `λ·y + (1 − λ)·y'`, λ of Beta(α, α) (Zhang, Cisse, Dauphin and Lopez-Paz, *mixup: Beyond Empirical Risk
    /// Minimization*, 2018; Keras's `MixUp`). λ is the larger of itself and 1 − λ, which makes the same mixtures, so that
    /// an example stays what it is for the most part (Berthelot and others, `MixMatch`, 2019, section 3.3), and metrics
    /// of classes are those of that part. Stands last in the list.
    pub struct Mixup {
        /// α: near 0 examples are hardly mixed, at 1 every share is as likely.
        pub alpha: Positive = Positive::literal(0.2),
    }
}

impl AugmentationConfig for Mixup {
    fn check(&self, _image: ImageShape) -> Result<(), Unfit> {
        const MOST: f64 = 1000.0;
        if self.alpha.get() <= MOST {
            return Ok(());
        }
        Err(Unfit { field: Some("alpha"), detail: format!("must be at most {MOST}") })
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Mix { alpha: self.alpha.get() }
    }
}
