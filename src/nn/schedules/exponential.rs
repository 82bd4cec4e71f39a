use super::ScheduleConfig;
use crate::spec::{LearningRate, Positive, Size};

crate::record! {
    /// Exponential decay: `rate · decay_rate^(step / decay_steps)`, as Keras's `ExponentialDecay`.
    pub struct Exponential {
        /// The rate at the start, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// Steps in which the rate is multiplied by `decay_rate` once, such as `1000`.
        pub decay_steps: Size,
        /// The factor.
        pub decay_rate: Positive,
        /// Whether the rate falls at the end of every `decay_steps` instead of a little at each step.
        pub staircase: bool = false,
    }
}

impl ScheduleConfig for Exponential {
    fn at(&self, step: u64, _steps: u64) -> f64 {
        let passed = step as f64 / self.decay_steps.get() as f64;
        let passed = if self.staircase { passed.floor() } else { passed };
        self.initial_learning_rate.get() * self.decay_rate.get().powf(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_by_a_factor() {
        let schedule = Exponential {
            initial_learning_rate: LearningRate::literal(0.8),
            decay_steps: Size::clamped(10),
            decay_rate: Positive::literal(0.25),
            staircase: false,
        };
        let expect = |step, rate: f64| assert!((schedule.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 0.8);
        expect(5, 0.4);
        expect(10, 0.2);
        expect(20, 0.05);
        let stairs = Exponential { staircase: true, ..schedule };
        assert_eq!([9, 10, 19].map(|step| stairs.at(step, 1000)), [0.8, 0.2, 0.2]);
    }
}
