//! Where the windows of convolutions and poolings lie, as Keras lays them.

use tch::Tensor;

use super::{FieldError, Pair};

crate::choices! {
    /// What stands around an image: nothing, or as much as keeps `⌈extent / stride⌉` windows.
    pub enum Padding { Valid = "valid", Same = "same" }
}

/// The windows over an image of known extents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Windows {
    pub(super) height: u64,
    pub(super) width: u64,
    /// Padding before and behind: top, bottom, left, right. With an odd amount the greater part is behind.
    around: [u64; 4],
}

/// Windows in one direction, and the padding before and behind.
fn along(extent: u64, window: u64, stride: u64, padding: Padding) -> Option<(u64, u64, u64)> {
    match padding {
        Padding::Valid => Some((extent.checked_sub(window)? / stride + 1, 0, 0)),
        Padding::Same => {
            let count = extent.div_ceil(stride);
            let total = ((count - 1) * stride + window).saturating_sub(extent);
            Some((count, total / 2, total - total / 2))
        }
    }
}

impl Windows {
    /// `field` is the one that gives the window's size.
    pub(super) fn over(
        [height, width]: [u64; 2],
        window: Pair,
        strides: Pair,
        padding: Padding,
        field: &'static str,
    ) -> Result<Self, FieldError> {
        let vertical = along(height, window.height, strides.height, padding);
        let horizontal = along(width, window.width, strides.width, padding);
        let (Some((rows, top, bottom)), Some((columns, left, right))) = (vertical, horizontal) else {
            return Err(FieldError::new(
                field,
                format!(
                    "a window of {} × {} does not fit into an image of {height} × {width}; make it smaller or set \
                     padding to same",
                    window.height, window.width
                ),
            ));
        };
        Ok(Self { height: rows, width: columns, around: [top, bottom, left, right] })
    }

    /// The padding that libtorch's kernels do themselves, and the input with the rest around it. Theirs is the same
    /// on both sides.
    pub(super) fn pad(&self, x: &Tensor, with: f64) -> (Tensor, [i64; 2]) {
        let [top, bottom, left, right] = self.around.map(|extent| extent as i64);
        if top == bottom && left == right {
            return (x.shallow_clone(), [top, left]);
        }
        (x.pad([left, right, top, bottom], "constant", with), [0, 0])
    }

    /// Elements of a padded copy of the image; none where the kernels pad.
    pub(super) fn copied(&self, [channels, height, width]: [u64; 3]) -> u64 {
        let [top, bottom, left, right] = self.around;
        if top == bottom && left == right {
            return 0;
        }
        channels.saturating_mul(height + top + bottom).saturating_mul(width + left + right)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_lie_as_keras_lays_them() {
        assert_eq!(along(28, 3, 1, Padding::Valid), Some((26, 0, 0)));
        assert_eq!(along(28, 5, 2, Padding::Valid), Some((12, 0, 0)));
        assert_eq!(along(2, 3, 1, Padding::Valid), None);
        assert_eq!(along(28, 3, 1, Padding::Same), Some((28, 1, 1)));
        assert_eq!(along(28, 3, 2, Padding::Same), Some((14, 0, 1)));
        assert_eq!(along(7, 2, 2, Padding::Same), Some((4, 0, 1)));
        assert_eq!(along(5, 1, 3, Padding::Same), Some((2, 0, 0)));
        assert_eq!(along(1, 4, 1, Padding::Same), Some((1, 1, 2)));
    }
}
