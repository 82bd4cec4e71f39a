use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The sigmoid-weighted linear unit, also called swish: `f(x) = x · sigmoid(x)` (Ramachandran, Zoph and Le,
    /// *Searching for Activation Functions*, 2017).
    pub struct Silu {}
}

impl ActivationConfig for Silu {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.silu()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        false
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
