//! Images larger or smaller.

use super::affine::{Affine, FillMode};
use super::{AugmentationConfig, Effect, Fill, Geometry, ImageShape, Picks, Span, Unfit};
use crate::spec::NonNegative;

crate::record! {
    /// Makes what an image shows smaller or larger around its centre (Keras's `RandomZoom`).
    pub struct RandomZoom {
        /// How much more of the height is seen: smaller above 0, larger below. `0.2` is drawn from [−0.2, 0.2],
        /// `[0.2, 0.3]` from between these. Above −1.
        pub height_factor: Span = Span::around(0.1),
        /// The same of the width; where it is absent the height's draw holds for both, which keeps their ratio.
        pub width_factor: Option<Span> = None,
        /// What stands outside of the image.
        pub fill_mode: FillMode = FillMode::Reflect,
        /// The value outside under `constant`, from 0 to 255.
        pub fill_value: NonNegative = NonNegative::literal(0.0),
    }
}

impl AugmentationConfig for RandomZoom {
    fn check(&self, _image: ImageShape) -> Result<(), Unfit> {
        let spans = [("height_factor", Some(self.height_factor)), ("width_factor", self.width_factor)];
        match spans.iter().find(|(_, span)| span.is_some_and(|span| span.ends().0 <= -1.0)) {
            Some((field, _)) => Err(Unfit {
                field: Some(field),
                detail: "must lie above -1: at -1 nothing of the image would be seen".into(),
            }),
            None => Ok(()),
        }
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Geometry(self)
    }
}

impl Geometry for RandomZoom {
    fn draw(&self, _image: ImageShape, picks: &mut Picks) -> Affine {
        let y = 1.0 + picks.between(self.height_factor.ends());
        let x = self.width_factor.map_or(y, |factor| 1.0 + picks.between(factor.ends()));
        Affine([x, 0.0, 0.0, 0.0, y, 0.0])
    }

    fn fill(&self) -> Option<Fill> {
        Some(Fill { mode: self.fill_mode, value: self.fill_value.get() as f32 })
    }
}
