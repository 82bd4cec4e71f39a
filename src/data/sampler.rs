//! The order in which examples are trained on.

use crate::random::Stream;

/// Shuffles the rows of the training part anew for every epoch.
pub struct Sampler {
    rows: Vec<u32>,
    stream: Stream,
}

impl Sampler {
    pub fn new(rows: Vec<u32>, seed: u64) -> Self {
        Self { rows, stream: Stream::new(seed, "shuffle") }
    }

    /// The rows in the order of an epoch: a function of the seed and the epoch alone.
    pub fn epoch(&self, epoch: u64) -> Vec<u32> {
        let mut order = self.stream.at(epoch).permutation(self.rows.len());
        for place in &mut order {
            *place = self.rows[*place as usize];
        }
        order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_epoch_holds_every_row_in_an_order_of_its_own() {
        let rows: Vec<u32> = (100..200).collect();
        let sampler = Sampler::new(rows.clone(), 7);
        let (first, second) = (sampler.epoch(0), sampler.epoch(1));
        assert_ne!(first, second);
        assert_eq!(first, Sampler::new(rows.clone(), 7).epoch(0));
        assert_ne!(first, Sampler::new(rows.clone(), 8).epoch(0));
        for mut order in [first, second] {
            order.sort_unstable();
            assert_eq!(order, rows);
        }
    }
}
