use tch::Tensor;

use super::{L1, L2, RegularizerConfig};
use crate::spec::NonNegative;

crate::record! {
    /// `l1 · Σ |w| + l2 · Σ w²`, both at once (Zou and Hastie, *Regularization and Variable Selection via the Elastic Net*,
    /// 2005).
    pub struct L1L2 {
        /// The factor of the magnitudes. Keras's class has nought here and its word `l1_l2` this.
        pub l1: NonNegative = NonNegative::literal(0.01),
        /// The factor of the squares.
        pub l2: NonNegative = NonNegative::literal(0.01),
    }
}

impl RegularizerConfig for L1L2 {
    fn penalty(&self, x: &Tensor) -> Tensor {
        L1 { l1: self.l1 }.penalty(x) + L2 { l2: self.l2 }.penalty(x)
    }
}
