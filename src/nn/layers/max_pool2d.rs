use tch::Tensor;

use super::pool::{Kind, Pool};
use super::window::Geometry;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Pair, image, product};
use crate::spec::Shape;

crate::record! {
    /// The greatest value of each window of an image, channel by channel: `[channels, height, width]` to
    /// `[channels, height', width']` (Goodfellow, Bengio and Courville, *Deep Learning*, section 9.3).
    ///
    /// Windows lie as those of `conv2d`; what stands around the image is less than any value.
    pub struct MaxPool2d {
        /// Extents of the window: a number, or `[height, width]`.
        pub pool_size: Pair = Pair::square(2),
        /// Steps from window to window: a number, or `[height, width]`; as `pool_size` where it is absent.
        pub strides: Option<Pair> = None,
        /// What stands around the image: `valid` for nothing, `same`, or cells: a number, `[height, width]` or
        /// `[[top, bottom], [left, right]]`.
        pub padding: Padding<2> = Padding::Valid,
    }
}

impl MaxPool2d {
    fn pool(&self, [_, height, width]: [u64; 3]) -> Result<Pool, FieldError> {
        let strides = self.strides.unwrap_or(self.pool_size);
        let geometry = Geometry::pooling(self.pool_size.extents(), strides.extents());
        let windows = geometry.over([height, width], &self.padding, "pool_size")?;
        Ok(Pool { kind: Kind::Greatest, extents: [height, width], geometry, windows })
    }
}

impl LayerConfig for MaxPool2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let pool = self.pool(input)?;
        let output = vec![input[0], pool.windows.height, pool.windows.width];
        let elements = product(&output)?;
        let flops = product(&[elements, self.pool_size.height, self.pool_size.width])?;
        Ok(Inferred::plain(output, flops, pool.saved(elements, input)))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        super::pool::build(image(inputs).and_then(|input| self.pool(input)), false)
    }

    fn takes_greatest(&self) -> bool {
        true
    }
}
