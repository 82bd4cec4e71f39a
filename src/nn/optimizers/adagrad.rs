use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Positive};
use crate::torch::ops;

crate::record! {
    /// Adagrad (Duchi, Hazan and Singer, *Adaptive Subgradient Methods for Online Learning and Stochastic Optimization*,
    /// 2011): `s ← s + g²`, `w ← w − rate · g / (√s + epsilon)`.
    pub struct Adagrad {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.001),
        /// What `s` begins with. PyTorch's; Keras has 0.1.
        pub initial_accumulator_value: NonNegative = NonNegative::literal(0.0),
        /// Keeps the quotient finite. Keras's; PyTorch has 1e-10.
        pub epsilon: Positive = Positive::literal(1e-7),
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Adagrad {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        &["sum"]
    }

    fn first(&self) -> f64 {
        self.initial_accumulator_value.get()
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let options = ops::AdagradOptions {
            learning_rate,
            epsilon: self.epsilon.get(),
            weight_decay: self.weight_decay.get(),
        };
        ops::fused_adagrad(&slots.parameters, gradients, &slots.slots, &options);
    }
}
