use super::ScheduleConfig;
use crate::spec::{LearningRate, Share, Size};

crate::record! {
    /// Cosine decay (Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, 2017, without
    /// restarts): `rate · (alpha + (1 − alpha) · (1 + cos(π · progress)) / 2)`, with `progress` going from 0 to 1
    /// over `decay_steps`, and the last value held after that.
    pub struct Cosine {
        /// The rate at the start of the decay, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// Steps of the decay; by default what the run has left after the warm-up.
        pub decay_steps: Option<Size> = None,
        /// The last rate, as a share of the first: 0 to 1.
        pub alpha: Share = Share::literal(0.0),
    }
}

impl ScheduleConfig for Cosine {
    fn at(&self, step: u64, steps: u64) -> f64 {
        let rate = self.initial_learning_rate.get();
        let decay = self.decay_steps.map_or(steps, Size::get).max(1);
        let progress = (step as f64 / decay as f64).min(1.0);
        let cosine = f64::midpoint(1.0, (std::f64::consts::PI * progress).cos());
        rate * (self.alpha.get() + (1.0 - self.alpha.get()) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_falls_and_holds() {
        let cosine = Cosine {
            initial_learning_rate: LearningRate::literal(0.2),
            decay_steps: Some(Size::clamped(100)),
            alpha: Share::literal(0.1),
        };
        let expect = |step, rate: f64| assert!((cosine.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 0.2);
        expect(50, 0.2 * 0.55);
        expect(100, 0.02);
        expect(999, 0.02);
    }

    #[test]
    fn the_decay_takes_the_whole_run_by_default() {
        let cosine = Cosine {
            initial_learning_rate: LearningRate::literal(1.0),
            decay_steps: None,
            alpha: Share::literal(0.0),
        };
        assert!((cosine.at(50, 100) - 0.5).abs() < 1e-12);
        assert!(cosine.at(0, 0).is_finite());
    }
}
