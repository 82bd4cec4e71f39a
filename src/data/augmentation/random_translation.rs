//! Images moved.

use super::affine::{Affine, FillMode};
use super::{AugmentationConfig, Effect, Fill, Geometry, ImageShape, Picks, Span};
use crate::spec::NonNegative;

crate::record! {
    /// Moves an image by a random share of its height and of its width (Keras's `RandomTranslation`).
    pub struct RandomTranslation {
        /// Share of the height, down where it is above 0: `0.2` is drawn from [−0.2, 0.2], `[-0.1, 0.3]` from between
        /// these.
        pub height_factor: Span = Span::around(0.1),
        /// Share of the width, to the right where it is above 0.
        pub width_factor: Span = Span::around(0.1),
        /// What stands outside of the image.
        pub fill_mode: FillMode = FillMode::Reflect,
        /// The value outside under `constant`, from 0 to 255.
        pub fill_value: NonNegative = NonNegative::literal(0.0),
    }
}

impl AugmentationConfig for RandomTranslation {
    fn effect(&self) -> Effect<'_> {
        Effect::Geometry(self)
    }
}

impl Geometry for RandomTranslation {
    fn draw(&self, image: ImageShape, picks: &mut Picks) -> Affine {
        let down = picks.between(self.height_factor.ends()) * image.height as f64;
        let right = picks.between(self.width_factor.ends()) * image.width as f64;
        Affine([1.0, 0.0, -right, 0.0, 1.0, -down])
    }

    fn fill(&self) -> Option<Fill> {
        Some(Fill { mode: self.fill_mode, value: self.fill_value.get() as f32 })
    }
}
