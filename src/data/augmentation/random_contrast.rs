//! Images with more or less contrast.

use super::{AugmentationConfig, Effect, ImageShape, Picks, Span, Values};

crate::record! {
    /// Brings pixels nearer to their channel's mean or further from it: `(x − mean)·c + mean`, cut to 0 and 255 (Keras's
    /// `RandomContrast`).
    pub struct RandomContrast {
        /// c is 1 and this: `0.2` is drawn from [0.8, 1.2], `[-0.5, 0.0]` from [0.5, 1.0].
        pub factor: Span = Span::around(0.2),
    }
}

impl AugmentationConfig for RandomContrast {
    fn effect(&self) -> Effect<'_> {
        Effect::Values(self)
    }
}

impl Values for RandomContrast {
    fn change(&self, image: ImageShape, picks: &mut Picks, pixels: &mut [f32]) {
        let contrast = (1.0 + picks.between(self.factor.ends())).max(0.0) as f32;
        for plane in pixels.chunks_exact_mut(image.plane()) {
            let mean = plane.iter().sum::<f32>() / image.plane() as f32;
            for pixel in plane {
                *pixel = ((*pixel - mean) * contrast + mean).clamp(0.0, 255.0);
            }
        }
    }
}
