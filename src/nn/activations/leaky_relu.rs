use tch::Tensor;

use super::ActivationConfig;
use crate::spec::NonNegative;
use crate::torch::ops;

crate::record! {
    /// The leaky rectifier, `f(x) = x` above nought and `negative_slope · x` below (Maas, Hannun and Ng, *Rectifier
    /// Nonlinearities Improve Neural Network Acoustic Models*, 2013).
    pub struct LeakyRelu {
        /// The slope below nought; Keras's layer has this one, others 0.01.
        pub negative_slope: NonNegative = NonNegative::literal(0.3),
    }
}

impl ActivationConfig for LeakyRelu {
    fn apply(&self, x: &Tensor) -> Tensor {
        ops::leaky_relu(x, self.negative_slope.get())
    }

    fn elementwise_non_decreasing(&self) -> bool {
        true
    }

    /// What it is applied to.
    fn saved(&self) -> u64 {
        1
    }
}
