use tch::{Kind, Tensor};

use super::RegularizerConfig;
use crate::spec::NonNegative;

crate::record! {
    /// `l1 · Σ |w|`, which draws small weights to nought (Tibshirani, *Regression Shrinkage and Selection via the Lasso*,
    /// 1996).
    pub struct L1 {
        /// The factor.
        pub l1: NonNegative = NonNegative::literal(0.01),
    }
}

impl RegularizerConfig for L1 {
    fn penalty(&self, x: &Tensor) -> Tensor {
        x.abs().sum(None::<Kind>) * self.l1.get()
    }
}
