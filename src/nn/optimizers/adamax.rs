use tch::Tensor;

use super::{OptimizerConfig, Slots};
use crate::nn::schedules::ScheduledRate;
use crate::spec::{NonNegative, Positive, Rate};

crate::record! {
    /// Adamax (Kingma and Ba, *Adam: A Method for Stochastic Optimization*, 2015, algorithm 2): a running mean `m` of the
    /// gradient, freed of its bias towards nought, over a decaying greatest `u ← max(beta_2 · u, |g| + epsilon)`:
    /// `w ← w − rate · m̂ / u`.
    pub struct Adamax {
        /// A number or a schedule.
        pub learning_rate: ScheduledRate = ScheduledRate::constant(0.001),
        /// Decay of the mean of gradients.
        pub beta_1: Rate = Rate::literal(0.9),
        /// Decay of the greatest gradient.
        pub beta_2: Rate = Rate::literal(0.999),
        /// Keeps the quotient finite. PyTorch's; Keras has 1e-7.
        pub epsilon: Positive = Positive::literal(1e-8),
        /// L2 penalty: this times the parameter is added to its gradient.
        pub weight_decay: NonNegative = NonNegative::literal(0.0),
    }
}

impl OptimizerConfig for Adamax {
    fn learning_rate(&self) -> &ScheduledRate {
        &self.learning_rate
    }

    fn slots(&self) -> &'static [&'static str] {
        &["mean", "greatest"]
    }

    fn step(&self, slots: &mut Slots, gradients: &[Tensor], learning_rate: f64) {
        let (beta_1, beta_2) = (self.beta_1.get(), self.beta_2.get());
        let rate = learning_rate / (1.0 - beta_1.powf(slots.steps as f64));
        slots.each(gradients, self.weight_decay.get(), |parameter, gradient, slots| {
            let [mean, greatest] = slots else { return };
            let _ = mean.lerp_(gradient, 1.0 - beta_1);
            let newest = gradient.abs() + self.epsilon.get();
            greatest.copy_(&(&*greatest * beta_2).maximum(&newest));
            let _ = parameter.g_sub_(&(&*mean / &*greatest * rate));
        });
    }
}
