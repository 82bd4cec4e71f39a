//! Histograms with edges that people read: multiples of 1, 2 or 5 times a power of ten.

use serde::Serialize;

/// Bins at most, but for one at the end.
const MOST: f64 = 25.0;

/// Bin `i` counts from edge `i` up to, not including, edge `i + 1`; the last one includes its end.
#[derive(Debug, PartialEq, Serialize)]
pub(super) struct Histogram {
    edges: Vec<f64>,
    counts: Vec<u64>,
}

impl Histogram {
    pub(super) fn of_edges(edges: Vec<f64>) -> Self {
        let counts = vec![0; edges.len() - 1];
        Self { edges, counts }
    }

    /// For numbers from `least` to `greatest`: 10 to 26 bins, of whole numbers no narrower than one, and only one where
    /// all are the same.
    pub(super) fn between(least: f64, greatest: f64, whole: bool) -> Self {
        let edges = Step::of(greatest - least, whole).and_then(|step| step.edges(least, greatest));
        Self::of_edges(edges.unwrap_or_else(|| vec![least, greatest]))
    }

    pub(super) fn add(&mut self, number: f64) {
        let bin = self.edges.partition_point(|edge| *edge <= number).saturating_sub(1);
        let last = self.counts.len() - 1;
        self.counts[bin.min(last)] += 1;
    }
}

/// `digit · 10^exponent`.
struct Step {
    digit: f64,
    exponent: i32,
}

impl Step {
    /// The least by which a range is cut into few enough bins.
    fn of(range: f64, whole: bool) -> Option<Self> {
        let needed = range / MOST;
        if !needed.is_normal() {
            return None;
        }
        let mut exponent = needed.log10().floor() as i32;
        if whole && exponent < 0 {
            return Some(Self { digit: 1.0, exponent: 0 });
        }
        let enough = |digit: f64, exponent: i32| Self { digit, exponent }.times(1.0) >= needed;
        let digit = [1.0, 2.0, 5.0].into_iter().find(|digit| enough(*digit, exponent));
        if digit.is_none() {
            exponent += 1;
        }
        Some(Self { digit: digit.unwrap_or(1.0), exponent })
    }

    /// A multiple, rounded once: what is divided by a whole power of ten is what the decimal number is read as.
    fn times(&self, multiple: f64) -> f64 {
        let power = 10_f64.powi(self.exponent.abs());
        if self.exponent < 0 { multiple * self.digit / power } else { multiple * self.digit * power }
    }

    /// The multiples around a range, the last one beyond it; `None` where they are closer than doubles are.
    fn edges(&self, least: f64, greatest: f64) -> Option<Vec<f64>> {
        let mut first = (least / self.times(1.0)).floor();
        if self.times(first) > least {
            first -= 1.0;
        } else if self.times(first + 1.0) <= least {
            first += 1.0;
        }
        let mut edges = vec![self.times(first)];
        while edges.last().is_some_and(|edge| *edge <= greatest) {
            let edge = self.times(first + edges.len() as f64);
            if !edge.is_finite() || edges.last().is_some_and(|before| *before >= edge) {
                return None;
            }
            edges.push(edge);
        }
        (edges[0] <= least).then_some(edges)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(least: f64, greatest: f64, whole: bool) -> Vec<f64> {
        Histogram::between(least, greatest, whole).edges
    }

    #[test]
    fn edges_are_round_and_enclose_the_numbers() {
        assert_eq!(edges(4.3, 7.9, false)[..4], [4.2, 4.4, 4.6, 4.8]);
        assert_eq!(edges(4.3, 7.9, false).last(), Some(&8.0));
        assert_eq!(edges(0.0, 9.0, true), (0..=10).map(f64::from).collect::<Vec<_>>());
        assert_eq!(edges(0.0, 1.0, false).len(), 22);
        assert_eq!(edges(-3.0, 250.0, true)[..2], [-20.0, 0.0]);
        assert_eq!(edges(22.0, 25.0, true), [22.0, 23.0, 24.0, 25.0, 26.0]);
        assert_eq!(edges(7.0, 7.0, true), [7.0, 7.0]);
        // Closer than doubles are, and farther apart than they go.
        assert_eq!(edges(1e16, 1e16 + 2.0, true), [1e16, 1e16 + 2.0]);
        assert_eq!(edges(-1e308, 1e308, false), [-1e308, 1e308]);
        assert_eq!(edges(0.0, 5e-324, false), [0.0, 5e-324]);
    }

    #[test]
    fn there_are_neither_too_few_nor_too_many_bins() {
        for exponent in [-30, -3, 0, 5, 30] {
            for part in 1..100 {
                let range = f64::from(part) * 10_f64.powi(exponent);
                for least in [-range / 3.0, 0.0, range] {
                    let edges = edges(least, least + range, false);
                    assert!((9..=28).contains(&edges.len()), "{least} {range}: {}", edges.len());
                    assert!(edges[0] <= least && least + range < *edges.last().unwrap());
                }
            }
        }
    }

    #[test]
    fn a_number_on_an_edge_belongs_to_the_bin_that_it_begins() {
        let mut histogram = Histogram::between(4.2, 7.9, false);
        for number in [4.2, 4.6, 4.7999, 4.8, 7.9] {
            histogram.add(number);
        }
        assert_eq!((&histogram.counts[..4], histogram.counts.last()), (&[1, 0, 2, 1][..], Some(&1)));
        let mut brightness = Histogram::of_edges(vec![0.0, 0.5, 1.0]);
        for number in [0.0, 0.5, 1.0] {
            brightness.add(number);
        }
        assert_eq!(brightness.counts, [1, 2]);
    }
}
