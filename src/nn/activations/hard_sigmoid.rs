use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// A sigmoid of straight lines, `f(x) = min(max(x + 3, 0), 6) / 6` (Howard and others, *Searching for MobileNetV3*,
    /// 2019).
    pub struct HardSigmoid {}
}

impl ActivationConfig for HardSigmoid {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.hardsigmoid()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
