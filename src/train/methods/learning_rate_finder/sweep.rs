//! Which rates are tried, and what their losses say.

use super::LearningRateFinder;

/// A sweep under way.
pub(super) struct Sweep {
    start: f64,
    /// From one rate to the next.
    factor: f64,
    steps: u64,
    divergence: f64,
    smoothing: f64,
    /// Rates and smoothed losses so far.
    points: Vec<(f64, f64)>,
    /// The smoothed loss before it is freed of its bias towards nought.
    sum: f64,
}

/// What a sweep found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Found {
    /// The rate of the least loss.
    pub(super) minimum: f64,
    /// The rate at which the loss fell fastest; none where it never fell.
    pub(super) steepest: Option<f64>,
}

impl Sweep {
    pub(super) fn new(config: &LearningRateFinder) -> Self {
        let (start, steps) = (config.start.get(), config.steps.get());
        Self {
            start,
            factor: (config.end.get() / start).powf(1.0 / (steps.max(2) - 1) as f64),
            steps,
            divergence: config.divergence.get(),
            smoothing: config.smoothing.get(),
            points: Vec::new(),
            sum: 0.0,
        }
    }

    pub(super) fn next_rate(&self) -> Option<f64> {
        let taken = self.points.len() as u64;
        (taken < self.steps).then(|| self.start * self.factor.powf(taken as f64))
    }

    /// Takes the loss of the step at that rate, as it was before the step; whether the sweep goes on.
    pub(super) fn take(&mut self, rate: f64, loss: f64) -> bool {
        self.sum = self.smoothing * self.sum + (1.0 - self.smoothing) * loss;
        let seen = self.points.len() as f64 + 1.0;
        let smoothed = self.sum / (1.0 - self.smoothing.powf(seen));
        if !smoothed.is_finite() {
            return false;
        }
        self.points.push((rate, smoothed));
        let least = self.points.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
        // Of a loss below nought there is no multiple.
        least <= 0.0 || smoothed <= self.divergence * least
    }

    pub(super) fn newest(&self) -> Option<f64> {
        self.points.last().map(|(_, loss)| *loss)
    }

    /// Nothing where the loss exploded before it could fall.
    pub(super) fn found(&self) -> Option<Found> {
        let losses = self.points.iter().map(|(_, loss)| *loss).enumerate();
        let (least, _) = losses.min_by(|one, other| one.1.total_cmp(&other.1))?;
        if self.points.len() < 3 {
            return None;
        }
        // The rates stand evenly on a logarithmic scale, so differences are slopes.
        let slopes = self.points[..=least].windows(3).map(|points| (points[2].1 - points[0].1, points[1].0));
        let steepest =
            slopes.filter(|(slope, _)| *slope < 0.0).min_by(|one, other| one.0.total_cmp(&other.0));
        Some(Found { minimum: self.points[least].0, steepest: steepest.map(|(_, rate)| rate) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(losses: &[f64]) -> (Sweep, usize) {
        let mut sweep = Sweep {
            start: 1e-4,
            factor: 10.0,
            steps: losses.len() as u64,
            divergence: 4.0,
            smoothing: 0.0,
            points: Vec::new(),
            sum: 0.0,
        };
        for (taken, loss) in losses.iter().enumerate() {
            let rate = sweep.next_rate().unwrap();
            if !sweep.take(rate, *loss) {
                return (sweep, taken + 1);
            }
        }
        (sweep, losses.len())
    }

    #[test]
    fn the_least_loss_and_the_steepest_fall_are_found() {
        let (sweep, taken) = sweep(&[1.0, 0.95, 0.5, 0.3, 0.25, 0.5, 1.2, 3.0]);
        assert_eq!(taken, 7, "four times the least");
        let Found { minimum, steepest } = sweep.found().unwrap();
        assert!((minimum - 1.0).abs() < 1e-9 && (steepest.unwrap() - 0.01).abs() < 1e-9);
    }

    #[test]
    fn a_loss_that_explodes_or_only_rises_is_told() {
        let (exploded, taken) = sweep(&[1.0, f64::NAN, 1.0]);
        assert_eq!((exploded.found(), taken), (None, 2));
        let (risen, _) = sweep(&[1.0, 1.1, 1.2, 1.3]);
        assert_eq!(risen.found().unwrap().steepest, None);
    }
}
