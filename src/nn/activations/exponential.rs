use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// `f(x) = exp(x)`.
    pub struct Exponential {}
}

impl ActivationConfig for Exponential {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.exp()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }
}
