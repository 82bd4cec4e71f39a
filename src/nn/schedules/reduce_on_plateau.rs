use serde::{Deserialize, Serialize};

use super::ScheduleConfig;
use crate::nn::metrics::Mode;
use crate::spec::{Epochs, Fraction, LearningRate, NonNegative};

/// Beyond this nothing of a rate is left.
const MOST_REDUCTIONS: u32 = 100_000;

crate::record! {
    /// Reduction on a plateau: when a series has not improved for `patience` epochs, the rate is multiplied by `factor`, as
    /// Keras's `ReduceLROnPlateau`.
    pub struct ReduceOnPlateau {
        /// The rate at the start, such as `0.1`.
        pub initial_learning_rate: LearningRate,
        /// The series that is watched, as in `early_stopping`.
        pub monitor: String = "val_loss".into(),
        /// The factor.
        pub factor: Fraction = Fraction::literal(0.1),
        /// Epochs without improvement after which the rate falls.
        pub patience: Epochs = Epochs::clamped(10),
        /// A change of no more than this is no improvement.
        pub min_delta: NonNegative = NonNegative::literal(0.0001),
        /// Epochs behind a fall in which nothing is counted.
        pub cooldown: Epochs = Epochs::clamped(0),
        /// The rate does not fall below this.
        pub min_learning_rate: NonNegative = NonNegative::literal(0.0),
        /// Whether less is better (`min`) or more (`max`); `auto` tells by the metric.
        pub mode: Mode = Mode::Auto,
    }
}

impl ScheduleConfig for ReduceOnPlateau {
    fn at(&self, _step: u64, _steps: u64) -> f64 {
        self.initial_learning_rate.get()
    }

    fn plateau(&self) -> Option<&ReduceOnPlateau> {
        Some(self)
    }
}

/// What is known of the epochs so far; part of every checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plateau {
    /// How often the rate has fallen.
    reductions: u32,
    /// The bits of the best value.
    best: Option<u64>,
    /// Epochs since.
    waited: u64,
    /// Epochs in which nothing is counted yet.
    cooling: u64,
}

impl ReduceOnPlateau {
    /// What the rate has become.
    pub(super) fn reduced(&self, rate: f64, plateau: &Plateau) -> f64 {
        let fallen = rate * self.factor.get().powi(plateau.reductions.cast_signed());
        if plateau.reductions == 0 { rate } else { fallen.max(self.min_learning_rate.get().min(rate)) }
    }

    /// Takes the value of an epoch; whether the rate falls.
    pub fn hear(&self, plateau: &mut Plateau, value: f64, greater_is_better: bool) -> bool {
        if plateau.cooling > 0 {
            plateau.cooling -= 1;
            plateau.waited = 0;
        }
        let delta = self.min_delta.get();
        let improved = value.is_finite()
            && plateau.best.map(f64::from_bits).is_none_or(|best| {
                if greater_is_better { value > best + delta } else { value < best - delta }
            });
        if improved {
            plateau.best = Some(value.to_bits());
            plateau.waited = 0;
            return false;
        }
        if plateau.cooling > 0 {
            return false;
        }
        plateau.waited += 1;
        let rate = self.initial_learning_rate.get();
        let falls = plateau.waited >= self.patience.get()
            && self.reduced(rate, plateau) > self.min_learning_rate.get()
            && plateau.reductions < MOST_REDUCTIONS;
        if falls {
            plateau.reductions += 1;
            plateau.cooling = self.cooldown.get();
            plateau.waited = 0;
        }
        falls
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against Keras 3.15.1's `ReduceLROnPlateau` on these values.
    #[test]
    fn it_falls_when_keras_s_falls() {
        let schedule = ReduceOnPlateau {
            initial_learning_rate: LearningRate::literal(1.0),
            monitor: "val_loss".into(),
            factor: Fraction::literal(0.5),
            patience: Epochs::clamped(2),
            min_delta: NonNegative::literal(0.01),
            cooldown: Epochs::clamped(1),
            min_learning_rate: NonNegative::literal(0.2),
            mode: Mode::Auto,
        };
        let values = [1.0, 0.995, 0.995, 0.995, 0.995, 0.9, 0.91, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98];
        let mut plateau = Plateau::default();
        let rates = values.map(|value| {
            schedule.hear(&mut plateau, value, false);
            schedule.reduced(1.0, &plateau)
        });
        assert_eq!(rates, [1.0, 1.0, 0.5, 0.5, 0.25, 0.25, 0.25, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2, 0.2]);
        let mut rising = Plateau::default();
        assert!(![0.1, 0.2, 0.3].iter().any(|value| schedule.hear(&mut rising, *value, true)));
        assert!([f64::NAN, 0.3].map(|value| schedule.hear(&mut rising, value, true)) == [false, true]);
    }
}
