use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Positive, Rate};
use crate::torch::ops;

crate::record! {
    /// Adam (Kingma and Ba, *Adam: A Method for Stochastic Optimization*, 2015, algorithm 1): running means `m` of the
    /// gradient and `v` of its square, both freed of their bias towards nought, and
    /// `w ← w − rate · m̂ / (√v̂ + epsilon)`.
    pub struct Adam {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.001),
        /// Decay of the mean of gradients.
        pub beta_1: Rate = Rate::literal(0.9),
        /// Decay of the mean of squared gradients.
        pub beta_2: Rate = Rate::literal(0.999),
        /// Keeps the quotient finite. The paper's and PyTorch's; Keras has 1e-7.
        pub epsilon: Positive = Positive::literal(1e-8),
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
        /// Divides by the greatest `v` so far instead of the present one (Reddi, Kale and Kumar, *On the Convergence of
        /// Adam and Beyond*, 2018).
        pub amsgrad: bool = false,
    }
}

impl OptimizerConfig for Adam {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.amsgrad { &["mean", "square", "greatest"] } else { &["mean", "square"] }
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let options = ops::AdamOptions {
            learning_rate,
            beta_1: self.beta_1.get(),
            beta_2: self.beta_2.get(),
            epsilon: self.epsilon.get(),
            weight_decay: self.weight_decay.get(),
            decoupled: false,
            step: slots.steps,
        };
        ops::fused_adam(&slots.parameters, gradients, &slots.slots, &options);
    }
}
