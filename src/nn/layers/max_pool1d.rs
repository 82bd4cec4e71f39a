use tch::Tensor;

use super::pool::{Kind, Pool};
use super::window::Geometry;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, product, sequence};
use crate::spec::{Shape, Size};

crate::record! {
    /// The greatest value of each window of a sequence, channel by channel: `[steps, channels]` to `[steps', channels]`.
    /// Windows lie as those of `conv1d`; what stands around the sequence is less than any value.
    pub struct MaxPool1d {
        /// Steps in the window.
        pub pool_size: Size = Size::clamped(2),
        /// Steps from window to window; as `pool_size` where it is absent.
        pub strides: Option<Size> = None,
        /// What stands around the sequence: `valid` for nothing, `same`, or steps: a number or `[before, behind]`.
        pub padding: Padding<1> = Padding::Valid,
    }
}

impl MaxPool1d {
    fn pool(&self, steps: u64) -> Result<Pool, FieldError> {
        let strides = self.strides.unwrap_or(self.pool_size);
        let geometry = Geometry::pooling([1, self.pool_size.get()], [1, strides.get()]);
        let windows = geometry.over_sequence(steps, &self.padding, "pool_size")?;
        Ok(Pool { kind: Kind::Greatest, extents: [1, steps], geometry, windows })
    }
}

impl LayerConfig for MaxPool1d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [steps, channels] = sequence(inputs)?;
        let pool = self.pool(steps)?;
        let output = vec![pool.windows.width, channels];
        let elements = product(&output)?;
        let flops = product(&[elements, self.pool_size.get()])?;
        Ok(Inferred::plain(output, flops, pool.saved(elements, [channels, 1, steps])))
    }

    fn build(&self, inputs: &[Shape], _parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        super::pool::build(sequence(inputs).and_then(|[steps, _]| self.pool(steps)), true)
    }

    fn takes_greatest(&self) -> bool {
        true
    }
}
