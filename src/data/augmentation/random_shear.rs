//! Images slanted.

use super::affine::{Affine, FillMode};
use super::{AugmentationConfig, Effect, Fill, Geometry, ImageShape, Picks, Share};
use crate::spec::NonNegative;

crate::record! {
    /// Slants an image: `x' = x + s·y` and `y' = y + t·x` around its centre, each to a random side (Keras's
    /// `RandomShear`).
    pub struct RandomShear {
        /// How far lines move against one another, in pixels a line: `0.3` is drawn from [0, 0.3], `[0.1, 0.3]` from
        /// between these.
        pub x_factor: Share = Share::up_to(0.1),
        /// The same of columns.
        pub y_factor: Share = Share::up_to(0.0),
        /// What stands outside of the image.
        pub fill_mode: FillMode = FillMode::Reflect,
        /// The value outside under `constant`, from 0 to 255.
        pub fill_value: NonNegative = NonNegative::literal(0.0),
    }
}

impl AugmentationConfig for RandomShear {
    fn effect(&self) -> Effect<'_> {
        Effect::Geometry(self)
    }
}

impl Geometry for RandomShear {
    fn draw(&self, _image: ImageShape, picks: &mut Picks) -> Affine {
        let x = picks.sign() * picks.between(self.x_factor.ends());
        let y = picks.sign() * picks.between(self.y_factor.ends());
        Affine([1.0, x, 0.0, y, 1.0, 0.0])
    }

    fn fill(&self) -> Option<Fill> {
        Some(Fill { mode: self.fill_mode, value: self.fill_value.get() as f32 })
    }
}
