//! Stops a run whose monitored metric no longer improves, and knows which epoch was best.

use serde::{Deserialize, Serialize};

use crate::train::checkpoint::Exact;

/// When training stops early.
#[derive(Clone, Debug, PartialEq)]
pub struct EarlyStopping {
    /// The name of an epoch's series, such as `val_loss`.
    pub monitor: String,
    /// Epochs without improvement before training stops.
    pub patience: u64,
    /// A change of no more than this is no improvement.
    pub min_delta: f64,
    pub greater_is_better: bool,
    /// Whether the model gets the weights of the best epoch instead of the last.
    pub restore_best: bool,
}

/// What is known of the epochs so far; part of every checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Patience {
    /// The best value and the epoch (from 1) that reached it.
    best: Option<(Exact, u64)>,
    /// Epochs since.
    waited: u64,
}

/// What follows from an epoch's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) improved: bool,
    pub(crate) stop: bool,
}

impl Patience {
    pub(crate) fn judge(&mut self, rule: &EarlyStopping, epoch: u64, value: f64) -> Verdict {
        let improved = value.is_finite()
            && self.best.is_none_or(|(Exact(best), _)| {
                if rule.greater_is_better {
                    value > best + rule.min_delta
                } else {
                    value < best - rule.min_delta
                }
            });
        if improved {
            self.best = Some((Exact(value), epoch));
            self.waited = 0;
        } else {
            self.waited += 1;
        }
        Verdict { improved, stop: !improved && self.waited >= rule.patience }
    }

    pub(crate) fn best_epoch(&self) -> Option<u64> {
        self.best.map(|(_, epoch)| epoch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops_after(rule: &EarlyStopping, values: &[f64]) -> (Option<usize>, Option<u64>) {
        let mut patience = Patience::default();
        for (index, value) in values.iter().enumerate() {
            if patience.judge(rule, index as u64 + 1, *value).stop {
                return (Some(index + 1), patience.best_epoch());
            }
        }
        (None, patience.best_epoch())
    }

    fn rule(patience: u64, min_delta: f64, greater_is_better: bool) -> EarlyStopping {
        EarlyStopping {
            monitor: "val_loss".into(),
            patience,
            min_delta,
            greater_is_better,
            restore_best: true,
        }
    }

    #[test]
    fn patience_counts_epochs_without_improvement() {
        let losses = [1.0, 0.5, 0.6, 0.55, 0.4, 0.5, 0.5, 0.5];
        assert_eq!(stops_after(&rule(3, 0.0, false), &losses), (Some(8), Some(5)));
        assert_eq!(stops_after(&rule(2, 0.0, false), &losses), (Some(4), Some(2)));
        assert_eq!(stops_after(&rule(0, 0.0, false), &losses), (Some(3), Some(2)));
    }

    #[test]
    fn small_changes_are_no_improvement() {
        assert_eq!(stops_after(&rule(2, 0.1, false), &[1.0, 0.95, 0.91]), (Some(3), Some(1)));
        assert_eq!(stops_after(&rule(2, 0.0, true), &[0.1, 0.2, 0.3]), (None, Some(3)));
        assert_eq!(stops_after(&rule(1, 0.0, true), &[f64::NAN]), (Some(1), None));
    }
}
