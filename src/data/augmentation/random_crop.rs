//! A part of an image.

use super::affine::Affine;
use super::{AugmentationConfig, Effect, Fill, Geometry, ImageShape, Picks, Unfit};
use crate::spec::{Count, Size};

crate::record! {
    /// Takes a part of `height` × `width` pixels at a random place, each as likely, after `padding` black pixels were set
    /// around the image. A part of another size than the image is brought to it by bilinear interpolation, so that the
    /// network sees one size. Without sizes and with a padding of 4 it is the usual augmentation of small images (He,
    /// Zhang, Ren and Sun, *Deep Residual Learning for Image Recognition*, 2016, section 4.2; Keras's `RandomCrop` pads
    /// nothing, and its result has the size of the part).
    pub struct RandomCrop {
        /// Lines of the part; the image's own where it is absent.
        pub height: Option<Size> = None,
        /// Pixels of its lines; the image's own where it is absent.
        pub width: Option<Size> = None,
        /// Black pixels on every side of the image before.
        pub padding: Count = Count::clamped(0),
    }
}

impl RandomCrop {
    /// Of one axis: the part, and how many places it may have.
    fn axis(&self, part: Option<Size>, extent: usize) -> (usize, usize) {
        let part = part.map_or(extent, |part| part.get() as usize);
        (part, (extent + 2 * self.padding.get() as usize + 1).saturating_sub(part))
    }
}

impl AugmentationConfig for RandomCrop {
    fn check(&self, image: ImageShape) -> Result<(), Unfit> {
        let largest = image.height.max(image.width) as u64;
        if self.padding.get() > largest {
            let detail = format!("must be at most {largest}, the longer side of the image");
            return Err(Unfit { field: Some("padding"), detail });
        }
        let axes = [("height", self.height, image.height), ("width", self.width, image.width)];
        for (field, part, extent) in axes {
            let (part, places) = self.axis(part, extent);
            if places == 0 {
                let detail = format!(
                    "{part} pixels are more than the {} that the image has with its padding",
                    extent + 2 * self.padding.get() as usize
                );
                return Err(Unfit { field: Some(field), detail });
            }
        }
        Ok(())
    }

    fn effect(&self) -> Effect<'_> {
        Effect::Geometry(self)
    }
}

impl Geometry for RandomCrop {
    fn draw(&self, image: ImageShape, picks: &mut Picks) -> Affine {
        let padding = self.padding.get() as f64;
        // From the centre of the image to the centre of the part.
        let mut along = |part: Option<Size>, extent: usize| {
            let (part, places) = self.axis(part, extent);
            let start = picks.below(places) as f64 - padding;
            (part as f64 / extent as f64, start + part as f64 / 2.0 - extent as f64 / 2.0)
        };
        let (y_scale, y) = along(self.height, image.height);
        let (x_scale, x) = along(self.width, image.width);
        Affine([x_scale, 0.0, x, 0.0, y_scale, y])
    }

    fn fill(&self) -> Option<Fill> {
        Some(Fill::BLACK)
    }
}
