//! Noise on images.

use super::{AugmentationConfig, Effect, ImageShape, Picks, Values};
use crate::spec::NonNegative;

crate::record! {
    /// Adds a normally distributed value to every pixel: `x + 255·stddev·n`, n of N(0, 1), cut to 0 and 255 (Bishop,
    /// *Training with Noise is Equivalent to Tikhonov Regularization*, 1995).
    pub struct GaussianNoise {
        /// The standard deviation, a share of the range.
        pub stddev: NonNegative = NonNegative::literal(0.05),
    }
}

impl AugmentationConfig for GaussianNoise {
    fn effect(&self) -> Effect<'_> {
        Effect::Values(self)
    }
}

impl Values for GaussianNoise {
    fn change(&self, _image: ImageShape, picks: &mut Picks, pixels: &mut [f32]) {
        let deviation = (self.stddev.get() * 255.0) as f32;
        let noise = picks.normals(pixels.len());
        for (pixel, noise) in pixels.iter_mut().zip(noise) {
            *pixel = (*pixel + deviation * noise).clamp(0.0, 255.0);
        }
    }
}
