//! Images lighter or darker.

use super::{AugmentationConfig, Effect, ImageShape, Picks, Span, Values};

crate::record! {
    /// Adds one random value to all pixels of an image: `x + 255·δ`, cut to 0 and 255 (Keras's `RandomBrightness`).
    pub struct RandomBrightness {
        /// δ, a share of the range, lighter above 0: `0.2` is drawn from [−0.2, 0.2], `[0.0, 0.3]` from between these.
        pub factor: Span = Span::around(0.2),
    }
}

impl AugmentationConfig for RandomBrightness {
    fn effect(&self) -> Effect<'_> {
        Effect::Values(self)
    }
}

impl Values for RandomBrightness {
    fn change(&self, _image: ImageShape, picks: &mut Picks, pixels: &mut [f32]) {
        let added = (picks.between(self.factor.ends()) * 255.0) as f32;
        for pixel in pixels {
            *pixel = (*pixel + added).clamp(0.0, 255.0);
        }
    }
}
