use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The smooth rectifier, `f(x) = ln(1 + exp(x))` (Dugas, Bengio, Bélisle, Nadeau and Garcia, *Incorporating
    /// Second-Order Functional Knowledge for Better Option Pricing*, 2001).
    pub struct Softplus {}
}

impl ActivationConfig for Softplus {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.softplus()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
