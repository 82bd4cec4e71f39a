//! What poolings share: a window is drawn over an image, or over a sequence as an image of the height 1.

use tch::Tensor;

use super::window::{Geometry, Windows, as_images, as_sequences};
use super::{FieldError, Forward};
use crate::nn::Pass;

/// What comes of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Greatest,
    /// Of the cells that belong to the image.
    Mean,
}

/// A pooling of known extents.
pub(super) struct Pool {
    pub(super) kind: Kind,
    pub(super) extents: [u64; 2],
    pub(super) geometry: Geometry,
    pub(super) windows: Windows,
}

impl Pool {
    /// Elements that an example leaves in memory.
    pub(super) fn saved(&self, output: u64, input: [u64; 3]) -> u64 {
        match self.kind {
            // Where each greatest value stood is kept in eight bytes.
            Kind::Greatest => output.saturating_mul(3).saturating_add(self.windows.copied(input)),
            Kind::Mean => output.saturating_mul(2).saturating_add(self.windows.copied(input)),
        }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        let [window, strides] =
            [self.geometry.window, self.geometry.strides].map(|pair| pair.map(|n| n as i64));
        match self.kind {
            Kind::Greatest => {
                let (x, padding) = self.windows.pad(x, f64::NEG_INFINITY);
                x.max_pool2d(window, strides, padding, [1, 1], false)
            }
            Kind::Mean => {
                let mean = |x: &Tensor| {
                    let (x, padding) = self.windows.pad(x, 0.0);
                    x.avg_pool2d(window, strides, padding, false, false, None::<i64>)
                };
                if self.windows.kernels_pad() {
                    return mean(x);
                }
                // The padding around was counted in; the share of the image in each window says how much.
                let [height, width] = self.extents.map(|extent| extent as i64);
                let image = Tensor::ones([1, 1, height, width], (x.kind(), x.device()));
                mean(x) / mean(&image)
            }
        }
    }
}

/// `over_steps` for a pooling over sequences.
pub(super) fn build(pool: Result<Pool, FieldError>, over_steps: bool) -> Box<dyn Forward> {
    Box::new(Built { pool: pool.ok(), over_steps })
}

struct Built {
    pool: Option<Pool>,
    over_steps: bool,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        match &self.pool {
            Some(pool) if self.over_steps => as_sequences(&pool.forward(&as_images(inputs[0]))),
            Some(pool) => pool.forward(inputs[0]),
            None => inputs[0].shallow_clone(),
        }
    }
}
