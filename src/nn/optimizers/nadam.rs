use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Positive, Rate};

crate::record! {
    /// Nadam, Adam with Nesterov's momentum (Dozat, *Incorporating Nesterov Momentum into Adam*, 2016): with
    /// `μ(t) = beta_1 · (1 − 0.96^(t · momentum_decay) / 2)` and `M` the product of all `μ` so far,
    /// `w ← w − rate · ((1 − μ(t)) / (1 − M) · g + μ(t + 1) / (1 − M · μ(t + 1)) · m) / (√v̂ + epsilon)`.
    pub struct Nadam {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.001),
        /// Decay of the mean of gradients.
        pub beta_1: Rate = Rate::literal(0.9),
        /// Decay of the mean of squared gradients.
        pub beta_2: Rate = Rate::literal(0.999),
        /// Keeps the quotient finite. PyTorch's; Keras has 1e-7.
        pub epsilon: Positive = Positive::literal(1e-8),
        /// How fast the momentum grows towards `beta_1`. PyTorch's and Keras's.
        pub momentum_decay: NonNegative = NonNegative::literal(0.004),
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Nadam {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "square"]
    }

    fn number(&self) -> Option<f64> {
        Some(1.0)
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let (beta_1, beta_2) = (self.beta_1.get(), self.beta_2.get());
        let step = slots.steps as f64;
        let momentum = |step: f64| beta_1 * (1.0 - 0.5 * 0.96_f64.powf(step * self.momentum_decay.get()));
        let (now, next) = (momentum(step), momentum(step + 1.0));
        let product = slots.number.unwrap_or(1.0) * now;
        slots.number = Some(product);
        let by_gradient = learning_rate * (1.0 - now) / (1.0 - product);
        let by_mean = learning_rate * next / (1.0 - product * next);
        let correction = 1.0 - beta_2.powf(step);
        slots.each(gradients, self.weight_decay.get(), |parameter, gradient, slots| {
            let [mean, square] = slots else { return };
            let _ = mean.lerp_(gradient, 1.0 - beta_1);
            let _ = square.lerp_(&gradient.square(), 1.0 - beta_2);
            let root = (&*square / correction).sqrt() + self.epsilon.get();
            let _ = parameter.g_sub_(&((gradient * by_gradient + &*mean * by_mean) / root));
        });
    }
}
