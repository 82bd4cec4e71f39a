use super::ScheduleConfig;
use crate::spec::{LearningRate, Positive, Size};

crate::record! {
    /// Inverse time decay: `rate / (1 + decay_rate · step / decay_steps)`, as Keras's `InverseTimeDecay`.
    pub struct InverseTime {
        /// The rate at the start, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// Steps in which the divisor grows by `decay_rate`, such as `1000`.
        pub decay_steps: Size,
        /// How fast the divisor grows.
        pub decay_rate: Positive,
        /// Whether the rate falls at the end of every `decay_steps` instead of a little at each step.
        pub staircase: bool = false,
    }
}

impl ScheduleConfig for InverseTime {
    fn at(&self, step: u64, _steps: u64) -> f64 {
        let passed = step as f64 / self.decay_steps.get() as f64;
        let passed = if self.staircase { passed.floor() } else { passed };
        self.initial_learning_rate.get() / (1.0 + self.decay_rate.get() * passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_divided() {
        let schedule = InverseTime {
            initial_learning_rate: LearningRate::literal(1.0),
            decay_steps: Size::clamped(10),
            decay_rate: Positive::literal(2.0),
            staircase: false,
        };
        let expect = |step, rate: f64| assert!((schedule.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 1.0);
        expect(5, 0.5);
        expect(10, 1.0 / 3.0);
        let stairs = InverseTime { staircase: true, ..schedule };
        assert_eq!([5, 15].map(|step| stairs.at(step, 1000)), [1.0, 1.0 / 3.0]);
    }
}
