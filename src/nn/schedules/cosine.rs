use super::ScheduleConfig;
use crate::spec::{Count, LearningRate, Size};

crate::record! {
    /// Cosine decay (Loshchilov and Hutter, *SGDR: Stochastic Gradient Descent with Warm Restarts*, 2017, without
    /// restarts): `rate · (alpha + (1 − alpha) · (1 + cos(π · progress)) / 2)`, with `progress` going from 0 to 1
    /// over `decay_steps`, and the last value held after that.
    pub struct Cosine {
        /// The rate at the start of the decay.
        pub initial_learning_rate: LearningRate,
        /// Steps of the decay; by default what the run has left after the warm-up.
        pub decay_steps: Option<Size> = None,
        /// The last rate, as a share of the first: 0 to 1.
        pub alpha: Share = Share(0.0),
        /// Steps before the decay in which the rate rises, in equal parts, from nought to the initial rate.
        pub warmup_steps: Count = Count::clamped(0),
    }
}

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share(f64);

impl crate::spec::Field for Share {
    fn read(
        value: &serde_json::Value,
        at: &crate::spec::Pointer,
        errors: &mut crate::spec::SpecErrors,
    ) -> Option<Self> {
        let read = value.as_f64().filter(|share| (0.0..=1.0).contains(share));
        if read.is_none() {
            errors
                .push(at, format!("must be a number from 0 to 1, not {}", crate::spec::field::found(value)));
        }
        read.map(Self)
    }

    fn write(&self) -> serde_json::Value {
        self.0.into()
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({"type": "number", "minimum": 0, "maximum": 1})
    }
}

impl ScheduleConfig for Cosine {
    fn at(&self, step: u64, steps: u64) -> f64 {
        let rate = self.initial_learning_rate.get();
        let warmup = self.warmup_steps.get();
        if step < warmup {
            return rate * (step + 1) as f64 / warmup as f64;
        }
        let decay = self.decay_steps.map_or(steps.saturating_sub(warmup), Size::get).max(1);
        let progress = ((step - warmup) as f64 / decay as f64).min(1.0);
        let cosine = f64::midpoint(1.0, (std::f64::consts::PI * progress).cos());
        rate * (self.alpha.0 + (1.0 - self.alpha.0) * cosine)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_falls_and_holds() {
        let cosine = Cosine {
            initial_learning_rate: LearningRate::literal(0.2),
            decay_steps: Some(Size::clamped(100)),
            alpha: Share(0.1),
            warmup_steps: Count::clamped(10),
        };
        let expect = |step, rate: f64| assert!((cosine.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 0.02);
        expect(9, 0.2);
        expect(10, 0.2);
        expect(60, 0.2 * 0.55);
        expect(110, 0.02);
        expect(999, 0.02);
    }

    #[test]
    fn the_decay_takes_the_whole_run_by_default() {
        let cosine = Cosine {
            initial_learning_rate: LearningRate::literal(1.0),
            decay_steps: None,
            alpha: Share(0.0),
            warmup_steps: Count::clamped(0),
        };
        assert!((cosine.at(50, 100) - 0.5).abs() < 1e-12);
        assert!(cosine.at(0, 0).is_finite());
    }
}
