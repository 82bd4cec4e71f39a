//! A data set in a GPU's memory, as a network takes it: a batch is gathered there by one indexed copy, or is a view where its
//! rows follow one another.

use std::rc::Rc;
use std::sync::Arc;

use tch::{Device, Tensor};

use super::feed::{Examples, Feed, on_device};
use crate::torch::{cuda, ops};

/// It takes at most this share of what is free.
const SHARE: u64 = 4;

/// Bytes that go to the device together.
const BYTES: u64 = 64 << 20;

/// Kernels may be others for a tensor that begins elsewhere, and round otherwise.
const ALIGNMENT: u64 = 256;

pub(super) struct Resident {
    /// `[rows, …]`, in the order of the network's inputs.
    inputs: Vec<Tensor>,
    /// In the order of the objectives.
    targets: Vec<Tensor>,
    device: Device,
}

impl Resident {
    /// All of a set; `None` where the device is no GPU, has no room for it beside so many bytes for the job, or is to see
    /// fewer than so many examples, so that to fetch those alone is less.
    pub(super) fn new(examples: &Arc<Examples>, device: Device, seen: u64, job: u64) -> Option<Rc<Self>> {
        let Device::Cuda(index) = device else { return None };
        let (rows, each) = (examples.rows(), examples.bytes_of_one().max(1));
        let bytes = each.saturating_mul(u64::from(rows));
        if rows == 0 || seen < u64::from(rows) {
            return None;
        }
        // What an earlier job of this process has left behind is free.
        let free = ops::empty_gpu_caches().map_or(0, |()| cuda::free_bytes(index));
        if bytes > free / SHARE || bytes.saturating_add(job) > free {
            return None;
        }
        let together = (BYTES / each).clamp(1, u64::from(rows)) as u32;
        let mut feed = Feed::new(examples.clone(), together as usize, Device::Cpu);
        let first = feed.gather(&[0]);
        let whole = |one: &Tensor| {
            let shape: Vec<i64> =
                std::iter::once(i64::from(rows)).chain(one.size()[1..].iter().copied()).collect();
            Tensor::empty(shape, (one.kind(), device))
        };
        let mut inputs: Vec<Tensor> = first.inputs.iter().map(whole).collect();
        let mut targets: Vec<Tensor> = first.targets.iter().map(whole).collect();
        for at in (0..rows).step_by(together as usize) {
            let part: Vec<u32> = (at..rows.min(at.saturating_add(together))).collect();
            let batch = feed.gather(&part);
            let all = inputs.iter_mut().chain(&mut targets).zip(batch.inputs.iter().chain(&batch.targets));
            for (whole, part) in all {
                whole.narrow(0, i64::from(at), part.size()[0]).copy_(part);
            }
        }
        Some(Rc::new(Self { inputs, targets, device }))
    }

    /// The inputs and the targets of these rows.
    pub(super) fn gather(&self, rows: &[u32]) -> (Vec<Tensor>, Vec<Tensor>) {
        let follow = rows.iter().zip(rows[0]..).all(|(row, next)| *row == next);
        let places: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
        let places = on_device(&places, self.device);
        let part = |whole: &Tensor| {
            let size = whole.numel() as u64 / whole.size()[0].max(1) as u64
                * whole.kind().elt_size_in_bytes() as u64;
            if follow && (u64::from(rows[0]) * size).is_multiple_of(ALIGNMENT) {
                whole.narrow(0, i64::from(rows[0]), rows.len() as i64)
            } else {
                whole.index_select(0, &places)
            }
        };
        (self.inputs.iter().map(part).collect(), self.targets.iter().map(part).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_in_the_order_that_is_asked_for_whether_they_follow_or_not() {
        let column = |values: &[f32]| Tensor::from_slice(values);
        let inputs = vec![column(&[0.0, 1.0, 10.0, 11.0, 20.0, 21.0, 30.0, 31.0]).reshape([4, 2])];
        let targets = vec![Tensor::from_slice(&[5_i64, 6, 7, 8])];
        let resident = Resident { inputs, targets, device: Device::Cpu };
        for rows in [&[2_u32, 0, 3][..], &[1, 2], &[3], &[0, 1, 2, 3], &[1, 1]] {
            let (inputs, targets) = resident.gather(rows);
            let firsts: Vec<f32> =
                rows.iter().flat_map(|row| [*row as f32 * 10.0, *row as f32 * 10.0 + 1.0]).collect();
            assert_eq!(inputs[0], column(&firsts).reshape([-1, 2]), "{rows:?}");
            let classes: Vec<i64> = rows.iter().map(|row| i64::from(*row) + 5).collect();
            assert_eq!(targets[0], Tensor::from_slice(&classes), "{rows:?}");
        }
    }
}
