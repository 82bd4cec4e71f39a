use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The logistic function, `f(x) = 1 / (1 + exp(−x))`, between 0 and 1 (Goodfellow, Bengio and Courville, *Deep
    /// Learning*, section 3.10).
    pub struct Sigmoid {}
}

impl ActivationConfig for Sigmoid {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.sigmoid()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }
}
