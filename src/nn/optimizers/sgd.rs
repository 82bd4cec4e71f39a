use std::collections::HashMap;

use tch::Tensor;

use super::{OptimizerConfig, OptimizerState, Slots};
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

    fn slots(&self) -> u64 {
        u64::from(self.momentum.get() > 0.0)
    }

    fn build(&self, parameters: &[(String, Tensor)]) -> Box<dyn OptimizerState> {
        let names: &[&str] = if self.momentum.get() > 0.0 { &["momentum"] } else { &[] };
        Box::new(State { config: self.clone(), slots: Slots::new(parameters, names) })
    }
}

struct State {
    config: Sgd,
    slots: Slots,
}

impl OptimizerState for State {
    fn step(&mut self, gradients: &[Tensor], learning_rate: f64) {
        let options = ops::SgdOptions {
            learning_rate,
            momentum: self.config.momentum.get(),
            // Without momentum there is nothing to look ahead along.
            nesterov: self.config.nesterov && self.config.momentum.get() > 0.0,
            weight_decay: self.config.weight_decay.get(),
            first_step: self.slots.steps == 0,
        };
        let momenta = self.slots.slots.first().map_or(&[][..], Vec::as_slice);
        ops::fused_sgd(&self.slots.parameters, gradients, momenta, &options);
        self.slots.steps += 1;
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        self.slots.state()
    }

    fn load(&mut self, state: &HashMap<String, Tensor>) -> Result<(), String> {
        self.slots.load(state)
    }
}
