//! Images mirrored.

use super::affine::Affine;
use super::{AugmentationConfig, Effect, Fill, Geometry, ImageShape, Picks};

crate::choices! {
    /// Along which axes an image is mirrored.
    pub enum FlipMode { Horizontal = "horizontal", Vertical = "vertical", Both = "both" }
}

crate::record! {
    /// Mirrors an image, each with probability ½ along each axis that `mode` names (Keras's `RandomFlip`, whose default
    /// is both axes; here it is what fits photographs).
    pub struct RandomFlip {
        /// `horizontal` changes left and right, `vertical` top and bottom, `both` each by itself.
        pub mode: FlipMode = FlipMode::Horizontal,
    }
}

impl AugmentationConfig for RandomFlip {
    fn effect(&self) -> Effect<'_> {
        Effect::Geometry(self)
    }
}

impl Geometry for RandomFlip {
    fn draw(&self, _image: ImageShape, picks: &mut Picks) -> Affine {
        let (first, second) = (picks.sign(), picks.sign());
        let (x, y) = match self.mode {
            FlipMode::Horizontal => (first, 1.0),
            FlipMode::Vertical => (1.0, second),
            FlipMode::Both => (first, second),
        };
        Affine([x, 0.0, 0.0, 0.0, y, 0.0])
    }

    fn fill(&self) -> Option<Fill> {
        None
    }
}
