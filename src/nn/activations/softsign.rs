use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// `f(x) = x / (1 + |x|)`, between −1 and 1 (Turian, Bergstra and Bengio, *Quadratic Features and Deep Architectures
    /// for Chunking*, 2009).
    pub struct Softsign {}
}

impl ActivationConfig for Softsign {
    fn apply(&self, x: &Tensor) -> Tensor {
        x / (x.abs() + 1.0)
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    /// What it is applied to, and the divisor.
    fn saved(&self) -> u64 {
        2
    }
}
