use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Rate};

crate::record! {
    /// Lion (Chen and others, *Symbolic Discovery of Optimization Algorithms*, 2023, algorithm 2): every step is of one
    /// length, in the direction of `c = beta_1 · m + (1 − beta_1) · g`: `w ← w − rate · (sign(c) + weight_decay · w)`, then
    /// `m ← beta_2 · m + (1 − beta_2) · g`. It wants a rate 3 to 10 times smaller than Adam's.
    pub struct Lion {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.001),
        /// How much of the direction is the momentum's.
        pub beta_1: Rate = Rate::literal(0.9),
        /// Decay of the momentum.
        pub beta_2: Rate = Rate::literal(0.99),
        /// How much of each parameter is taken off, times the rate; decoupled, as in the paper.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Lion {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        &["momentum"]
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let (beta_1, beta_2) = (self.beta_1.get(), self.beta_2.get());
        slots.each(gradients, 0.0, |parameter, gradient, slots| {
            let [momentum] = slots else { return };
            let direction = (&*momentum * beta_1 + gradient * (1.0 - beta_1)).sign();
            let _ = parameter.g_mul_scalar_(1.0 - learning_rate * self.weight_decay.get());
            let _ = parameter.g_sub_(&(direction * learning_rate));
            let _ = momentum.lerp_(gradient, 1.0 - beta_2);
        });
    }
}
