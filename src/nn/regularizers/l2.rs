use tch::{Kind, Tensor};

use super::RegularizerConfig;
use crate::spec::NonNegative;

crate::record! {
    /// `l2 · Σ w²`, which keeps weights small (Goodfellow, Bengio and Courville, *Deep Learning*, section 7.1.1, which has
    /// half of it).
    pub struct L2 {
        /// The factor.
        pub l2: NonNegative = NonNegative::literal(0.01),
    }
}

impl RegularizerConfig for L2 {
    fn penalty(&self, x: &Tensor) -> Tensor {
        x.square().sum(None::<Kind>) * self.l2.get()
    }
}
