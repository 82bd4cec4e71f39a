use super::ScheduleConfig;
use crate::spec::{LearningRate, Positive, Size};

crate::record! {
    /// Polynomial decay: `(rate − end) · (1 − progress)^power + end`, with `progress` going from 0 to 1 over `decay_steps`, as
    /// Keras's `PolynomialDecay`; with the power 1 a straight line.
    pub struct Polynomial {
        /// The rate at the start, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// Steps of the decay; by default what the run has left after the warm-up.
        pub decay_steps: Option<Size> = None,
        /// The rate at the end.
        pub end_learning_rate: LearningRate = LearningRate::literal(0.0001),
        /// How the curve bends.
        pub power: Positive = Positive::literal(1.0),
        /// Whether, behind its end, the decay begins anew from the first rate with twice, three times … the steps,
        /// instead of holding its end.
        pub cycle: bool = false,
    }
}

impl ScheduleConfig for Polynomial {
    fn at(&self, step: u64, steps: u64) -> f64 {
        let mut decay = self.decay_steps.map_or(steps, Size::get).max(1) as f64;
        let step = step as f64;
        if self.cycle {
            decay *= (step / decay).ceil().max(1.0);
        }
        let left = 1.0 - (step / decay).min(1.0);
        let (first, end) = (self.initial_learning_rate.get(), self.end_learning_rate.get());
        (first - end) * left.powf(self.power.get()) + end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_to_its_end() {
        let schedule = Polynomial {
            initial_learning_rate: LearningRate::literal(1.1),
            decay_steps: Some(Size::clamped(10)),
            end_learning_rate: LearningRate::literal(0.1),
            power: Positive::literal(2.0),
            cycle: false,
        };
        let expect = |step, rate: f64| assert!((schedule.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 1.1);
        expect(5, 0.35);
        expect(10, 0.1);
        expect(15, 0.1);
        let cycle = Polynomial { cycle: true, ..schedule };
        assert!((cycle.at(15, 1000) - (0.1 + 1.0 / 16.0)).abs() < 1e-12);
        assert!((cycle.at(20, 1000) - 0.1).abs() < 1e-12);
    }
}
