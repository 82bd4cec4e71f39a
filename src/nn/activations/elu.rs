use tch::Tensor;

use super::ActivationConfig;
use crate::spec::NonNegative;

crate::record! {
    /// The exponential linear unit, `f(x) = x` above nought and `alpha · (exp(x) − 1)` below (Clevert, Unterthiner and
    /// Hochreiter, *Fast and Accurate Deep Network Learning by Exponential Linear Units*, 2015).
    pub struct Elu {
        /// What values far below nought come close to, its sign turned.
        pub alpha: NonNegative = NonNegative::literal(1.0),
    }
}

impl ActivationConfig for Elu {
    fn apply(&self, x: &Tensor) -> Tensor {
        let alpha = self.alpha.get();
        if (alpha - 1.0).abs() < f64::EPSILON {
            return x.elu();
        }
        x.relu() + x.clamp_max(0.0).expm1() * alpha
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    fn saved(&self) -> u64 {
        3
    }
}
