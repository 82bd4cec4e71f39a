use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The logarithm of softmax, `f(x)ᵢ = xᵢ − ln Σⱼ exp(xⱼ)`, over the last axis, or over the channels of an image. What
    /// comes out is no probability: for a classification take `softmax`.
    pub struct LogSoftmax {}
}

impl ActivationConfig for LogSoftmax {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.log_softmax(if x.dim() == 4 { 1 } else { -1 }, None)
    }

    fn elementwise_non_decreasing(&self) -> bool {
        false
    }
}
