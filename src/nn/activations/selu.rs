use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The scaled exponential linear unit, `f(x) = λ · x` above nought and `λ · α · (exp(x) − 1)` below, with
    /// λ = 1.0507… and α = 1.6732…: with the initialiser `lecun_normal` values keep mean nought and variance one from layer
    /// to layer (Klambauer, Unterthiner, Mayr and Hochreiter, *Self-Normalizing Neural Networks*, 2017).
    pub struct Selu {}
}

impl ActivationConfig for Selu {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.selu()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
