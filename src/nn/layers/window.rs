//! Where the windows of convolutions and poolings lie, as Keras lays them.

use tch::Tensor;

use super::{Around, FieldError, Padding};

/// A window and how it moves: height first, then width. Over a sequence the height is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub(super) window: [u64; 2],
    pub(super) strides: [u64; 2],
    /// Steps from cell to cell within the window.
    pub(super) dilation: [u64; 2],
    /// Whether a window gives one of its cells or their mean, and so must hold a cell of the image.
    pub(super) pools: bool,
}

/// The windows over an image of known extents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) height: u64,
    pub(super) width: u64,
    /// Padding before and behind, for height and width. With an odd amount the greater part is behind.
    around: [[u64; 2]; 2],
    /// As much padding, the same on both sides, libtorch's kernel does itself.
    most: [u64; 2],
}

/// Windows in one direction, and the padding before and behind.
fn along(
    extent: u64,
    window: u64,
    stride: u64,
    padding: &Padding<2>,
    axis: usize,
) -> Option<(u64, [u64; 2])> {
    let around = match padding {
        Padding::Valid => [0, 0],
        Padding::Explicit(Around(around)) => around[axis],
        Padding::Same => {
            let count = extent.div_ceil(stride);
            let total = ((count - 1) * stride + window).saturating_sub(extent);
            [total / 2, total - total / 2]
        }
    };
    Some(((extent + around[0] + around[1]).checked_sub(window)? / stride + 1, around))
}

impl Geometry {
    /// A pooling's.
    pub(super) fn pooling(window: [u64; 2], strides: [u64; 2]) -> Self {
        Self { window, strides, dilation: [1, 1], pools: true }
    }

    /// The cells from a window's first to its last, in one direction.
    pub(super) fn span(&self, axis: usize) -> u64 {
        (self.window[axis] - 1) * self.dilation[axis] + 1
    }

    /// The windows over an image. `field` is the one that gives the window's size.
    pub(super) fn over(
        &self,
        [height, width]: [u64; 2],
        padding: &Padding<2>,
        field: &'static str,
    ) -> Result<Windows, FieldError> {
        let spans = [self.span(0), self.span(1)];
        if let (true, Padding::Explicit(Around(around))) = (self.pools, padding)
            && (0..2).any(|axis| around[axis].iter().any(|extent| *extent >= spans[axis]))
        {
            return Err(FieldError::new(
                "padding",
                "must be smaller than the window on each side, or some windows would hold nothing of their input",
            ));
        }
        let vertical = along(height, spans[0], self.strides[0], padding, 0);
        let horizontal = along(width, spans[1], self.strides[1], padding, 1);
        let (Some((rows, above)), Some((columns, beside))) = (vertical, horizontal) else {
            return Err(FieldError::new(
                field,
                format!(
                    "a window of {} × {} does not fit into an image of {height} × {width}; make it smaller or set \
                     padding to same",
                    spans[0], spans[1]
                ),
            ));
        };
        let most = if self.pools { spans.map(|span| span / 2) } else { [u64::MAX; 2] };
        Ok(Windows { height: rows, width: columns, around: [above, beside], most })
    }

    /// The windows over a sequence.
    pub(super) fn over_sequence(
        &self,
        steps: u64,
        padding: &Padding<1>,
        field: &'static str,
    ) -> Result<Windows, FieldError> {
        self.over([1, steps], &padding.flat(), field).map_err(|error| {
            if error.field != Some(field) {
                return error;
            }
            let window = self.span(1);
            FieldError::new(
                field,
                format!(
                    "a window of {window} does not fit into a sequence of {steps}; make it smaller or set padding to same"
                ),
            )
        })
    }
}

impl Windows {
    /// Whether libtorch's kernels pad as it is wanted.
    pub(super) fn kernels_pad(&self) -> bool {
        (0..2).all(|axis| {
            let [before, behind] = self.around[axis];
            before == behind && before <= self.most[axis]
        })
    }

    /// The padding that libtorch's kernels do themselves, and the input with the rest around it.
    pub(super) fn pad(&self, x: &Tensor, with: f64) -> (Tensor, [i64; 2]) {
        let [[top, bottom], [left, right]] = self.around.map(|around| around.map(|extent| extent as i64));
        if self.kernels_pad() {
            return (x.shallow_clone(), [top, left]);
        }
        (x.pad([left, right, top, bottom], "constant", with), [0, 0])
    }

    /// Elements of a padded copy of the image; none where the kernels pad.
    pub(super) fn copied(&self, [channels, height, width]: [u64; 3]) -> u64 {
        let [[top, bottom], [left, right]] = self.around;
        if self.kernels_pad() {
            return 0;
        }
        channels.saturating_mul(height + top + bottom).saturating_mul(width + left + right)
    }
}

/// A batch of sequences `[n, steps, channels]` as images `[n, channels, 1, steps]`.
pub(super) fn as_images(x: &Tensor) -> Tensor {
    x.transpose(1, 2).unsqueeze(2)
}

/// The way back.
pub(super) fn as_sequences(x: &Tensor) -> Tensor {
    x.squeeze_dim(2).transpose(1, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_as_keras_lays_them() {
        let along = |extent, window, stride, padding: Padding<2>| along(extent, window, stride, &padding, 1);
        assert_eq!(along(28, 3, 1, Padding::Valid), Some((26, [0, 0])));
        assert_eq!(along(28, 5, 2, Padding::Valid), Some((12, [0, 0])));
        assert_eq!(along(2, 3, 1, Padding::Valid), None);
        assert_eq!(along(28, 3, 1, Padding::Same), Some((28, [1, 1])));
        assert_eq!(along(28, 3, 2, Padding::Same), Some((14, [0, 1])));
        assert_eq!(along(7, 2, 2, Padding::Same), Some((4, [0, 1])));
        assert_eq!(along(5, 1, 3, Padding::Same), Some((2, [0, 0])));
        assert_eq!(along(1, 4, 1, Padding::Same), Some((1, [1, 2])));
        let explicit = |left, right| Padding::Explicit(Around([[0, 0], [left, right]]));
        assert_eq!(along(5, 3, 2, explicit(1, 2)), Some((3, [1, 2])));
        assert_eq!(along(1, 4, 1, explicit(1, 1)), None);
    }

    #[test]
    fn a_pool_holds_something_of_its_input() {
        let pool = Geometry::pooling([2, 3], [1, 1]);
        let explicit = |extent| Padding::Explicit(Around([[extent; 2]; 2]));
        assert!(pool.over([4, 4], &explicit(1), "pool_size").is_ok());
        assert_eq!(pool.over([4, 4], &explicit(2), "pool_size").unwrap_err().field, Some("padding"));
    }
}
