use super::ScheduleConfig;
use crate::spec::{AtLeastOne, LearningRate, Positive, Share, Size};

crate::record! {
    /// Cosine decay with warm restarts (Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, 2017, in
    /// the words of Keras's `CosineDecayRestarts`): as `cosine` over `first_decay_steps`, then anew over `t_mul` times as many
    /// steps from `m_mul` times the height, and so on.
    pub struct CosineRestarts {
        /// The rate at the start, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// Steps of the first decay, such as `1000`.
        pub first_decay_steps: Size,
        /// How much longer each decay is than the one before.
        pub t_mul: AtLeastOne = AtLeastOne::literal(2.0),
        /// How much higher each decay begins than the one before.
        pub m_mul: Positive = Positive::literal(1.0),
        /// The rate at the end of a decay, as a share of the first: 0 to 1.
        pub alpha: Share = Share::literal(0.0),
    }
}

impl ScheduleConfig for CosineRestarts {
    fn at(&self, step: u64, _steps: u64) -> f64 {
        let (first, grows) = (self.first_decay_steps.get() as f64, self.t_mul.get());
        let (mut passed, mut length, mut height) = (step as f64, first, 1.0);
        if grows > 1.0 {
            while passed >= length {
                passed -= length;
                length *= grows;
                height *= self.m_mul.get();
            }
        } else {
            height = self.m_mul.get().powf((passed / length).floor());
            passed %= length;
        }
        let cosine = height * f64::midpoint(1.0, (std::f64::consts::PI * passed / length).cos());
        self.initial_learning_rate.get() * (self.alpha.get() + (1.0 - self.alpha.get()) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_restarts() {
        let schedule = CosineRestarts {
            initial_learning_rate: LearningRate::literal(1.0),
            first_decay_steps: Size::clamped(10),
            t_mul: AtLeastOne::literal(2.0),
            m_mul: Positive::literal(0.5),
            alpha: Share::literal(0.2),
        };
        let expect = |step, rate: f64| assert!((schedule.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 1.0);
        expect(5, 0.6);
        expect(10, 0.6);
        expect(20, 0.4);
        expect(30, 0.4);
        let even = CosineRestarts { t_mul: AtLeastOne::literal(1.0), ..schedule };
        assert!((even.at(25, 1000) - 0.3).abs() < 1e-12);
    }
}
