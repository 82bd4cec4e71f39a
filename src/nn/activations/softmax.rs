use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// Probabilities that sum to one, `f(x)ᵢ = exp(xᵢ) / Σⱼ exp(xⱼ)`, over the last axis, or over the channels of an
    /// image (Goodfellow, Bengio and Courville, *Deep Learning*, section 6.2.2.3).
    pub struct Softmax {}
}

impl ActivationConfig for Softmax {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.softmax(if x.dim() == 4 { 1 } else { -1 }, None)
    }

    fn elementwise_non_decreasing(&self) -> bool {
        false
    }
}
