use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Rate};
use crate::torch::ops;

crate::record! {
    /// Stochastic gradient descent: `w ← w − rate · g`; with momentum `v ← momentum · v + g`, `w ← w − rate · v`
    /// (Sutskever, Martens, Dahl and Hinton, *On the importance of initialization and momentum in deep learning*, 2013,
    /// in PyTorch's form).
    pub struct Sgd {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.01),
        /// How much of the last step goes on into this one.
        pub momentum: Rate = Rate::literal(0.0),
        /// Look ahead along the momentum: `w ← w − rate · (g + momentum · v)`.
        pub nesterov: bool = false,
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Sgd {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        if self.momentum.get() > 0.0 { &["momentum"] } else { &[] }
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let options = ops::SgdOptions {
            learning_rate,
            momentum: self.momentum.get(),
            // Without momentum there is nothing to look ahead along.
            nesterov: self.nesterov && self.momentum.get() > 0.0,
            weight_decay: self.weight_decay.get(),
            first_step: slots.steps == 1,
        };
        let momenta = slots.slots.first().map_or(&[][..], Vec::as_slice);
        ops::fused_sgd(&slots.parameters, gradients, momenta, &options);
    }
}
