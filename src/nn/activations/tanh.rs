use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The hyperbolic tangent, `f(x) = (exp(x) − exp(−x)) / (exp(x) + exp(−x))`, between −1 and 1 (LeCun, Bottou, Orr
    /// and Müller, *Efficient BackProp*, 1998).
    pub struct Tanh {}
}

impl ActivationConfig for Tanh {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.tanh()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }
}
