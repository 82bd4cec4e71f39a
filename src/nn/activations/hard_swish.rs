use tch::Tensor;

use super::ActivationConfig;

crate::record! {
    /// `f(x) = x · min(max(x + 3, 0), 6) / 6`: `silu` with a sigmoid of straight lines (Howard and others, *Searching for
    /// MobileNetV3*, 2019).
    pub struct HardSwish {}
}

impl ActivationConfig for HardSwish {
    fn apply(&self, x: &Tensor) -> Tensor {
        x.hardswish()
    }

    fn elementwise_non_decreasing(&self) -> bool {
        false
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
