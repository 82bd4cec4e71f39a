use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// `f(x) = x · tanh(ln(1 + exp(x)))` (Misra, *Mish: A Self Regularized Non-Monotonic Activation Function*, 2019).
    pub struct Mish {}
}

impl ActivationConfig for Mish {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.mish()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        false
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
