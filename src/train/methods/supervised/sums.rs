//! Losses of an epoch or of an evaluation, summed without waiting for the device.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};

use crate::clock;
use crate::train::checkpoint::Exact;

/// Losses on a GPU are read back at latest after so many batches, or so long.
const MOST_PENDING: usize = 64;
const LONGEST_PENDING: Duration = Duration::from_millis(200);

/// The sums themselves; part of every checkpoint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Sums {
    pub(super) examples: u64,
    /// Loss times examples: the total first, then each objective's where there are several.
    losses: Vec<Exact>,
    /// Norms of the gradients at the steps where they were measured.
    norms: Exact,
    measured: u64,
}

impl Sums {
    fn add(&mut self, examples: u64, losses: &[f64]) {
        self.losses.resize(losses.len(), Exact(0.0));
        self.examples += examples;
        for (sum, loss) in self.losses.iter_mut().zip(losses) {
            sum.0 += loss * examples as f64;
        }
    }

    pub(super) fn add_norm(&mut self, norm: f64) {
        self.norms.0 += norm;
        self.measured += 1;
    }

    /// The mean losses, in the order in which they were given.
    pub(super) fn means(&self) -> Vec<f64> {
        self.losses.iter().map(|sum| sum.0 / self.examples as f64).collect()
    }

    pub(super) fn mean_norm(&self) -> Option<f64> {
        (self.measured > 0).then(|| self.norms.0 / self.measured as f64)
    }
}

/// A loss that is no longer finite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Diverged {
    pub(super) step: u64,
    pub(super) loss: f64,
}

/// Takes the losses of each step. On the CPU they are read at once; on a GPU they wait until somebody needs one, and
/// a step that went wrong is still known by its number.
#[derive(Debug)]
pub(super) struct Meter {
    pub(super) sums: Sums,
    pending: Vec<(u64, u64, Vec<Tensor>)>,
    at_once: bool,
    /// Steps whose loss is to be told, and those of which it is known.
    due: VecDeque<u64>,
    told: Vec<(u64, f64)>,
    settled: Instant,
    /// The total of the newest step: its number, its examples so far, and the mean over them.
    last: (u64, u64, f64),
}

impl Meter {
    pub(super) fn new(device: Device, sums: Sums) -> Self {
        Self {
            sums,
            pending: Vec::new(),
            at_once: device == Device::Cpu,
            due: VecDeque::new(),
            told: Vec::new(),
            settled: clock::monotonic(),
            last: (0, 0, f64::NAN),
        }
    }

    /// Adds the losses of a step, or of a batch of it, over so many examples; the total stands first.
    pub(super) fn add(&mut self, step: u64, examples: usize, losses: &[Tensor]) -> Result<(), Diverged> {
        if self.at_once {
            let values: Vec<f64> = losses.iter().map(|loss| loss.double_value(&[])).collect();
            return self.take(step, examples as u64, &values);
        }
        let losses = losses.iter().map(Tensor::detach).collect();
        self.pending.push((step, examples as u64, losses));
        Ok(())
    }

    /// All batches of a step have been added; its loss is to be told where it is due.
    pub(super) fn end_step(&mut self, step: u64, due: bool) -> Result<(), Diverged> {
        if due {
            self.due.push_back(step);
        }
        let full = self.pending.len() >= MOST_PENDING || self.settled.elapsed() >= LONGEST_PENDING;
        if self.at_once || full { self.settle().map(|_| ()) } else { Ok(()) }
    }

    /// The losses of the steps that were due and are known.
    pub(super) fn told(&mut self) -> Vec<(u64, f64)> {
        std::mem::take(&mut self.told)
    }

    /// Reads what is still on the device; the total of the newest step.
    pub(super) fn settle(&mut self) -> Result<f64, Diverged> {
        self.read_pending()?;
        self.tell_before(u64::MAX);
        Ok(self.last.2)
    }

    fn read_pending(&mut self) -> Result<(), Diverged> {
        let pending = std::mem::take(&mut self.pending);
        let losses: Vec<Tensor> =
            pending.iter().flat_map(|(_, _, losses)| losses).map(|loss| loss.to_kind(Kind::Double)).collect();
        if losses.is_empty() {
            return Ok(());
        }
        self.settled = clock::monotonic();
        let stacked = Tensor::stack(&losses, 0).to_device(Device::Cpu);
        let mut values = vec![0.0_f64; losses.len()];
        stacked.copy_data(&mut values, losses.len());
        let mut values = values.as_slice();
        for (step, examples, losses) in &pending {
            let (these, rest) = values.split_at(losses.len());
            values = rest;
            self.tell_before(*step);
            if let Err(wrong) = self.take(*step, *examples, these) {
                // Of the later ones nothing is known any more.
                self.due.clear();
                return Err(wrong);
            }
        }
        Ok(())
    }

    /// The newest step is done where a later one begins.
    fn tell_before(&mut self, step: u64) {
        while self.due.front().is_some_and(|due| *due < step) {
            self.told.extend(self.due.pop_front().map(|due| (due, self.last.2)));
        }
    }

    fn take(&mut self, step: u64, examples: u64, values: &[f64]) -> Result<(), Diverged> {
        self.sums.add(examples, values);
        let loss = values.first().copied().unwrap_or(f64::NAN);
        let (newest, before, mean) = self.last;
        self.last = if newest == step && before > 0 {
            let seen = before + examples;
            (step, seen, mean + (loss - mean) * examples as f64 / seen as f64)
        } else {
            (step, examples, loss)
        };
        if loss.is_finite() { Ok(()) } else { Err(Diverged { step, loss }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(value: f64) -> [Tensor; 1] {
        [Tensor::from(value as f32)]
    }

    #[test]
    fn means_weigh_by_examples() {
        for at_once in [true, false] {
            let mut meter = Meter { at_once, ..Meter::new(Device::Cpu, Sums::default()) };
            meter.add(1, 3, &loss(1.0)).unwrap();
            meter.add(2, 1, &loss(5.0)).unwrap();
            assert_eq!(meter.settle().unwrap(), 5.0);
            assert_eq!(meter.sums.means(), [2.0]);
            assert_eq!(meter.sums.examples, 4);
            meter.add(2, 3, &loss(1.0)).unwrap();
            assert_eq!(meter.settle().unwrap(), 2.0, "of the two batches of the step");
        }
    }

    #[test]
    fn the_step_that_diverged_is_known_however_late_it_is_read() {
        let mut meter = Meter { at_once: false, ..Meter::new(Device::Cpu, Sums::default()) };
        for (step, value) in [(1, 1.0), (2, f64::NAN), (3, f64::NAN)] {
            meter.add(step, 1, &loss(value)).unwrap();
        }
        assert_eq!(meter.settle().unwrap_err().step, 2);
    }

    #[test]
    fn each_step_that_is_due_tells_its_own_loss_however_late_it_is_read() {
        for at_once in [true, false] {
            let mut meter = Meter { at_once, ..Meter::new(Device::Cpu, Sums::default()) };
            let mut told = Vec::new();
            for step in 1..=200 {
                for batch in 0..2 {
                    meter.add(step, 1, &loss((step + batch) as f64)).unwrap();
                }
                meter.end_step(step, step % 3 == 0).unwrap();
                told.extend(meter.told());
            }
            meter.settle().unwrap();
            told.extend(meter.told());
            let expected: Vec<(u64, f64)> =
                (1..=200).filter(|step| step % 3 == 0).map(|step| (step, step as f64 + 0.5)).collect();
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn sums_survive_json() {
        let mut sums = Sums::default();
        sums.add(3, &[0.1, f64::MIN_POSITIVE]);
        sums.add_norm(1.0 / 3.0);
        let text = serde_json::to_string(&sums).unwrap();
        assert_eq!(serde_json::from_str::<Sums>(&text).unwrap(), sums);
    }
}
