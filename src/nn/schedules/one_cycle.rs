use super::ScheduleConfig;
use crate::spec::{Fraction, LearningRate, Positive};

crate::record! {
    /// One cycle (Smith and Topin, *Super-Convergence*, 2018, in PyTorch's form with two phases): over the run the rate rises
    /// along a cosine from `max_learning_rate / div_factor` to `max_learning_rate`, and falls along another to the first rate
    /// over `final_div_factor`. The momentum stays as it is.
    pub struct OneCycle {
        /// The rate at the top.
        pub max_learning_rate: LearningRate,
        /// The share of the steps in which the rate rises.
        pub pct_start: Fraction = Fraction::literal(0.3),
        /// The first rate is the greatest over this.
        pub div_factor: Positive = Positive::literal(25.0),
        /// The last rate is the first over this.
        pub final_div_factor: Positive = Positive::literal(10_000.0),
    }
}

impl ScheduleConfig for OneCycle {
    fn at(&self, step: u64, steps: u64) -> f64 {
        let top = self.max_learning_rate.get();
        let first = top / self.div_factor.get();
        let last = first / self.final_div_factor.get();
        let (step, end) = (step as f64, steps.saturating_sub(1) as f64);
        let summit = (self.pct_start.get() * steps as f64 - 1.0).max(0.0);
        let between = |from: f64, to: f64, share: f64| {
            to + (from - to) * f64::midpoint(1.0, (std::f64::consts::PI * share.clamp(0.0, 1.0)).cos())
        };
        if step <= summit && summit > 0.0 {
            between(first, top, step / summit)
        } else {
            between(top, last, (step - summit) / (end - summit).max(1.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against `torch.optim.lr_scheduler.OneCycleLR(max_lr=1.0, total_steps=20)` of PyTorch 2.11.0.
    #[test]
    fn it_is_pytorch_s() {
        let schedule = OneCycle {
            max_learning_rate: LearningRate::literal(1.0),
            pct_start: Fraction::literal(0.3),
            div_factor: Positive::literal(25.0),
            final_div_factor: Positive::literal(10_000.0),
        };
        let rates = [
            (0, 0.04),
            (3, 0.668_328_157_299_974_7),
            (5, 1.0),
            (6, 0.987_464_006_235_087_3),
            (12, 0.500_002),
            (19, 4e-6),
        ];
        for (step, rate) in rates {
            assert!((schedule.at(step, 20) - rate).abs() < 1e-12, "step {step}");
        }
        assert!(schedule.at(0, 0).is_finite() && schedule.at(0, 1).is_finite());
    }
}
