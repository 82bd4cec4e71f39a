use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The Gaussian error linear unit, `f(x) = x · Φ(x)` with the standard normal's distribution function Φ (Hendrycks and
    /// Gimpel, *Gaussian Error Linear Units*, 2016).
    pub struct Gelu {
        /// Whether `x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³)))` stands in its place, as in the first language models.
        pub approximate: bool = false,
    }
}

impl ActivationConfig for Gelu {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.gelu(if self.approximate { "tanh" } else { "none" })
    }

    fn elementwise_non_decreasing(&self) -> bool {
        false
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
