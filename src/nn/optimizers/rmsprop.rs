use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Positive, Rate};

crate::record! {
    /// Root mean square propagation (Tieleman and Hinton, *Lecture 6.5: rmsprop*, 2012): a running mean `v` of the squared gradient,
    /// `w ← w − rate · g / (√v + epsilon)`; with momentum `b ← momentum · b + g / (√v + epsilon)`, `w ← w − rate · b`.
    pub struct Rmsprop {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.001),
        /// Decay of the mean of squared gradients.
        pub rho: Rate = Rate::literal(0.9),
        /// How much of the last step goes on into this one.
        pub momentum: Rate = Rate::literal(0.0),
        /// Keeps the quotient finite. PyTorch's; Keras has 1e-7.
        pub epsilon: Positive = Positive::literal(1e-8),
        /// Divides by the deviation, `√(v − m²)` with `m` the running mean of the gradient, instead of `√v` (Graves,
        /// *Generating Sequences With Recurrent Neural Networks*, 2013).
        pub centered: bool = false,
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Rmsprop {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        match (self.centered, self.momentum.get() > 0.0) {
            (false, false) => &["square"],
            (false, true) => &["square", "momentum"],
            (true, false) => &["square", "mean"],
            (true, true) => &["square", "mean", "momentum"],
        }
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let (fresh, epsilon, momentum) = (1.0 - self.rho.get(), self.epsilon.get(), self.momentum.get());
        slots.each(gradients, self.weight_decay.get(), |parameter, gradient, slots| {
            let [square, rest @ ..] = slots else { return };
            let _ = square.lerp_(&gradient.square(), fresh);
            let deviation = match (self.centered, &mut *rest) {
                (true, [mean, ..]) => {
                    let _ = mean.lerp_(gradient, fresh);
                    // Rounding may bring the difference below nought.
                    (&*square - mean.square()).clamp_min(0.0).sqrt()
                }
                _ => square.sqrt(),
            };
            let mut step = gradient / (deviation + epsilon);
            if let (true, [.., carried]) = (momentum > 0.0, rest) {
                let _ = carried.g_mul_scalar_(momentum).g_add_(&step);
                step = carried.shallow_clone();
            }
            let _ = parameter.g_sub_(&(step * learning_rate));
        });
    }
}
