use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Positive, Rate};

crate::record! {
    /// Adadelta (Zeiler, *ADADELTA: An Adaptive Learning Rate Method*, 2012, algorithm 1): running means `v` of the squared
    /// gradient and `u` of the squared step, `d = √(u + epsilon) / √(v + epsilon) · g`, `w ← w − rate · d`.
    pub struct Adadelta {
        /// A number or a schedule. The paper's and PyTorch's 1; Keras has 0.001.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(1.0),
        /// Decay of both means.
        pub rho: Rate = Rate::literal(0.95),
        /// Keeps the quotient finite, and the first step from being nought. Keras's; PyTorch has 1e-6.
        pub epsilon: Positive = Positive::literal(1e-7),
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Adadelta {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        &["square", "step"]
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let (fresh, epsilon) = (1.0 - self.rho.get(), self.epsilon.get());
        slots.each(gradients, self.weight_decay.get(), |parameter, gradient, slots| {
            let [square, step] = slots else { return };
            let _ = square.lerp_(&gradient.square(), fresh);
            let delta = (&*step + epsilon).sqrt() / (&*square + epsilon).sqrt() * gradient;
            let _ = step.lerp_(&delta.square(), fresh);
            let _ = parameter.g_sub_(&(delta * learning_rate));
        });
    }
}
