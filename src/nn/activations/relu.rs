use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// The rectifier, `f(x) = max(x, 0)` (Nair and Hinton, *Rectified Linear Units Improve Restricted Boltzmann
    /// Machines*, 2010).
    pub struct Relu {}
}

impl ActivationConfig for Relu {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.relu()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }
}
