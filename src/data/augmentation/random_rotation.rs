//! Images turned.

use std::f64::consts::TAU;

use super::affine::{Affine, FillMode};
use super::{AugmentationConfig, Effect, Fill, Geometry, ImageShape, Picks, Span};
use crate::spec::NonNegative;

crate::record! {
    /// Turns an image around its centre by a random angle (Keras's `RandomRotation`).
    pub struct RandomRotation {
        /// Share of a whole turn, against the clock where it is above 0: `0.1` is drawn from [−36°, 36°], `[-0.1, 0.2]`
        /// from between these.
        pub factor: Span = Span::around(0.05),
        /// What stands outside of the image.
        pub fill_mode: FillMode = FillMode::Reflect,
        /// The value outside under `constant`, from 0 to 255.
        pub fill_value: NonNegative = NonNegative::literal(0.0),
    }
}

impl AugmentationConfig for RandomRotation {
    fn effect(&self) -> Effect<'_> {
        Effect::Geometry(self)
    }
}

impl Geometry for RandomRotation {
    fn draw(&self, _image: ImageShape, picks: &mut Picks) -> Affine {
        let (sine, cosine) = (picks.between(self.factor.ends()) * TAU).sin_cos();
        // Lines are counted downwards, so that this is where a turn against the clock takes a pixel from.
        Affine([cosine, -sine, 0.0, sine, cosine, 0.0])
    }

    fn fill(&self) -> Option<Fill> {
        Some(Fill { mode: self.fill_mode, value: self.fill_value.get() as f32 })
    }
}
