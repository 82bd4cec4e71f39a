use tch::Tensor;

use super::window::Windows;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Pair, image, product};
use crate::nn::Pass;
use crate::spec::Shape;

crate::record! {
    /// The greatest value of each window of an image, channel by channel: `[channels, height, width]` to
    /// `[channels, height', width']` (Goodfellow, Bengio and Courville, *Deep Learning*, section 9.3).
    ///
    /// Windows lie as those of `conv2d`; what `same` pads with is less than any value.
    pub struct MaxPool2d {
        /// Extents of the window: a number, or `[height, width]`.
        pub pool_size: Pair = Pair::square(2),
        /// Steps from window to window: a number, or `[height, width]`; as `pool_size` where it is absent.
        pub strides: Option<Pair> = None,
        /// What stands around the image.
        pub padding: Padding = Padding::Valid,
    }
}

impl MaxPool2d {
    fn windows(&self, [_, height, width]: [u64; 3]) -> Result<Windows, FieldError> {
        Windows::over([height, width], self.pool_size, self.steps(), self.padding, "pool_size")
    }

    fn steps(&self) -> Pair {
        self.strides.unwrap_or(self.pool_size)
    }
}

impl LayerConfig for MaxPool2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let windows = self.windows(input)?;
        let output = vec![input[0], windows.height, windows.width];
        let elements = product(&output)?;
        let flops = product(&[elements, self.pool_size.height, self.pool_size.width])?;
        // Where each greatest value stood is kept in eight bytes.
        let saved = elements.saturating_mul(3).saturating_add(windows.copied(input));
        Ok(Inferred::plain(output, flops, saved))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built {
            pool_size: self.pool_size.libtorch(),
            strides: self.steps().libtorch(),
            windows: image(inputs).and_then(|input| self.windows(input)).ok(),
        })
    }

    fn takes_greatest(&self) -> bool {
        true
    }
}

struct Built {
    pool_size: [i64; 2],
    strides: [i64; 2],
    windows: Option<Windows>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let (x, padding) = match &self.windows {
            Some(windows) => windows.pad(inputs[0], f64::NEG_INFINITY),
            None => (inputs[0].shallow_clone(), [0, 0]),
        };
        x.max_pool2d(self.pool_size, self.strides, padding, [1, 1], false)
    }
}
