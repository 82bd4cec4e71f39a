//! Where the pixels of an image come from, and the image with its pixels taken from there.

use super::ImageShape;

crate::choices! {
    /// What stands outside of an image.
    pub enum FillMode {
        /// The image mirrored at its edge: `d c b a | a b c d | d c b a`.
        Reflect = "reflect",
        /// One value: `k k k k | a b c d | k k k k`.
        Constant = "constant",
        /// The image again: `a b c d | a b c d | a b c d`.
        Wrap = "wrap",
        /// The pixel of the edge: `a a a a | a b c d | d d d d`.
        Nearest = "nearest",
    }
}

/// What stands outside of an image; under `constant` the value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fill {
    pub mode: FillMode,
    pub value: f32,
}

impl Fill {
    pub const BLACK: Self = Self { mode: FillMode::Constant, value: 0.0 };

    /// The place within `0..extent` that stands for one outside, if one does.
    fn place(self, at: i64, extent: i64) -> Option<usize> {
        if (0..extent).contains(&at) {
            return Some(at as usize);
        }
        let inside = match self.mode {
            FillMode::Constant => return None,
            FillMode::Nearest => at.clamp(0, extent - 1),
            FillMode::Wrap => at.rem_euclid(extent),
            FillMode::Reflect => {
                let at = at.rem_euclid(2 * extent);
                if at < extent { at } else { 2 * extent - 1 - at }
            }
        };
        Some(inside as usize)
    }
}

/// A map from a pixel of the result to a place in the image, both measured from the image's centre:
/// `x' = a·x + b·y + c`, `y' = d·x + e·y + f`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine(pub(super) [f64; 6]);

impl Affine {
    pub(super) const IDENTITY: Self = Self([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);

    /// The map of a result that comes of this one first and of `next` then: a pixel is looked for where `next` takes it
    /// from, and that where this one does.
    pub(super) fn then(self, next: Self) -> Self {
        let row = |line: usize| {
            let [x, y, moved] = [self.0[line], self.0[line + 1], self.0[line + 2]];
            let column = |at: usize| x * next.0[at] + y * next.0[at + 3];
            [column(0), column(1), column(2) + moved]
        };
        let ([xx, xy, x], [yx, yy, y]) = (row(0), row(3));
        Self([xx, xy, x, yx, yy, y])
    }
}

/// Writes the image as the map takes its pixels, between them by bilinear interpolation.
pub(super) fn resample(image: ImageShape, map: Affine, fill: Fill, from: &[f32], to: &mut [f32]) {
    let ImageShape { height, width, .. } = image;
    let [xx, xy, moved_x, yx, yy, moved_y] = map.0;
    let (middle_x, middle_y) = ((width as f64 - 1.0) / 2.0, (height as f64 - 1.0) / 2.0);
    for y in 0..height {
        let dy = y as f64 - middle_y;
        for x in 0..width {
            let dx = x as f64 - middle_x;
            let from_x = xx * dx + xy * dy + moved_x + middle_x;
            let from_y = yx * dx + yy * dy + moved_y + middle_y;
            let taps = Taps::new(image, fill, from_x, from_y);
            for (from, to) in from.chunks_exact(image.plane()).zip(to.chunks_exact_mut(image.plane())) {
                to[y * width + x] = taps.value(from, fill.value);
            }
        }
    }
}

/// The four pixels around a place, and what each counts.
struct Taps {
    places: [Option<usize>; 4],
    weights: [f32; 4],
}

impl Taps {
    /// So near to a pixel is on it: what moves by whole pixels blurs nothing.
    const NEAR: f64 = 1e-6;

    /// The pixel at or before a place, and how far behind it the place lies. Without a call of `floor`, which costs more
    /// than all else here; far outside there is nothing to tell apart.
    fn split(place: f64) -> (i64, f32) {
        const FAR: f64 = 1e9;
        let before = (place.clamp(-FAR, FAR) + FAR) as i64 - FAR as i64;
        let behind = place.clamp(-FAR, FAR) - before as f64;
        if behind < Self::NEAR {
            (before, 0.0)
        } else if behind > 1.0 - Self::NEAR {
            (before + 1, 0.0)
        } else {
            (before, behind as f32)
        }
    }

    fn new(image: ImageShape, fill: Fill, x: f64, y: f64) -> Self {
        let (height, width) = (image.height as i64, image.width as i64);
        let ((left, right_share), (top, lower_share)) = (Self::split(x), Self::split(y));
        let weights = [
            (1.0 - lower_share) * (1.0 - right_share),
            (1.0 - lower_share) * right_share,
            lower_share * (1.0 - right_share),
            lower_share * right_share,
        ];
        let places = if left >= 0 && top >= 0 && left + 1 < width && top + 1 < height {
            let first = (top * width + left) as usize;
            [first, first + 1, first + image.width, first + image.width + 1].map(Some)
        } else {
            let columns = [fill.place(left, width), fill.place(left + 1, width)];
            let rows = [fill.place(top, height), fill.place(top + 1, height)];
            let place = |row: Option<usize>, column: Option<usize>| Some(row? * image.width + column?);
            [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(row, column)| place(rows[row], columns[column]))
        };
        Self { places, weights }
    }

    fn value(&self, plane: &[f32], outside: f32) -> f32 {
        let mut sum = 0.0;
        for (place, weight) in self.places.iter().zip(&self.weights) {
            sum += weight * place.map_or(outside, |place| plane[place]);
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: ImageShape = ImageShape { channels: 1, height: 1, width: 4 };

    fn moved(map: Affine, mode: FillMode) -> [f32; 4] {
        let mut out = [f32::NAN; 4];
        resample(ROW, map, Fill { mode, value: 9.0 }, &[1.0, 2.0, 3.0, 4.0], &mut out);
        out
    }

    fn shift(by: f64) -> Affine {
        Affine([1.0, 0.0, by, 0.0, 1.0, 0.0])
    }

    #[test]
    fn what_is_outside_is_filled() {
        for (mode, expected) in [
            (FillMode::Reflect, [4.0, 4.0, 3.0, 2.0]),
            (FillMode::Constant, [4.0, 9.0, 9.0, 9.0]),
            (FillMode::Wrap, [4.0, 1.0, 2.0, 3.0]),
            (FillMode::Nearest, [4.0, 4.0, 4.0, 4.0]),
        ] {
            assert_eq!(moved(shift(3.0), mode), expected, "{mode}");
        }
        assert_eq!(moved(shift(-1.0), FillMode::Reflect), [1.0, 1.0, 2.0, 3.0]);
        assert_eq!(moved(shift(0.25), FillMode::Nearest), [1.25, 2.25, 3.25, 4.0]);
    }

    #[test]
    fn maps_compose() {
        let flip = Affine([-1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        assert_eq!(moved(Affine::IDENTITY.then(flip), FillMode::Constant), [4.0, 3.0, 2.0, 1.0]);
        // First moved to the left, then turned round; and the other way.
        assert_eq!(moved(shift(1.0).then(flip), FillMode::Constant), [9.0, 4.0, 3.0, 2.0]);
        assert_eq!(moved(flip.then(shift(1.0)), FillMode::Constant), [3.0, 2.0, 1.0, 9.0]);
    }
}
