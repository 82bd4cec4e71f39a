use super::ScheduleConfig;
use crate::spec::{LearningRate, Positive, Size};

crate::record! {
    /// Step decay: every `step_size` steps the rate is multiplied by `decay_rate`, as PyTorch's `StepLR`, whose `gamma` that is.
    pub struct Step {
        /// The rate at the start, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// Steps from one fall to the next, such as `1000`.
        pub step_size: Size,
        /// The factor.
        pub decay_rate: Positive = Positive::literal(0.1),
    }
}

impl ScheduleConfig for Step {
    fn at(&self, step: u64, _steps: u64) -> f64 {
        let falls = step / self.step_size.get();
        self.initial_learning_rate.get() * self.decay_rate.get().powf(falls as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_in_steps() {
        let schedule = Step {
            initial_learning_rate: LearningRate::literal(1.0),
            step_size: Size::clamped(3),
            decay_rate: Positive::literal(0.5),
        };
        let expect = |step, rate: f64| assert!((schedule.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 1.0);
        expect(2, 1.0);
        expect(3, 0.5);
        expect(6, 0.25);
    }
}
