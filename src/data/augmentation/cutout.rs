//! A piece cut out of an image.

use super::{AugmentationConfig, Effect, ImageShape, Picks, Unfit, Values};
use crate::spec::{NonNegative, Size};

crate::record! {
    /// Covers a square with one value, its centre at a random pixel, so that it may lie over the edge (`DeVries` and
    /// Taylor, *Improved Regularization of Convolutional Neural Networks with Cutout*, 2017).
    pub struct Cutout {
        /// The side of the square in pixels.
        pub size: Size,
        /// The value, from 0 to 255.
        pub fill_value: NonNegative = NonNegative::literal(0.0),
    }
}

impl AugmentationConfig for Cutout {
    fn check(&self, image: ImageShape) -> Result<(), Unfit> {
        let most = 2 * image.height.max(image.width) as u64;
        if self.size.get() <= most {
            return Ok(());
        }
        Err(Unfit {
            field: Some("size"),
            detail: format!("must be at most {most}, twice the longer side of the image"),
        })
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Values(self)
    }
}

impl Values for Cutout {
    fn change(&self, image: ImageShape, picks: &mut Picks, pixels: &mut [f32]) {
        let side = self.size.get() as usize;
        let mut covered = |extent: usize| {
            let centre = picks.below(extent);
            centre.saturating_sub(side / 2)..(centre + side.div_ceil(2)).min(extent)
        };
        let (rows, columns) = (covered(image.height), covered(image.width));
        for plane in pixels.chunks_exact_mut(image.plane()) {
            for line in plane.chunks_exact_mut(image.width).skip(rows.start).take(rows.len()) {
                line[columns.clone()].fill(self.fill_value.get() as f32);
            }
        }
    }
}
