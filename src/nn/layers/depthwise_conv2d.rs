use tch::Tensor;

use super::parameter::said;
use super::window::{Geometry, Windows};
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Pair, Word, image, product};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Shape, Size};

crate::record! {
    /// A convolution of each channel for itself: `[channels, height, width]` to `[channels · depth_multiplier, height',
    /// width']`, the results of a channel side by side. Windows lie as those of `conv2d` (Howard and others, *MobileNets:
    /// Efficient Convolutional Neural Networks for Mobile Vision Applications*, 2017).
    pub struct DepthwiseConv2d {
        /// Extents of the window: a number, or `[height, width]`.
        pub kernel_size: Pair,
        /// Steps from window to window: a number, or `[height, width]`.
        pub strides: Pair = Pair::square(1),
        /// What stands around the image: `valid` for nothing, `same`, or zeros: a number, `[height, width]` or
        /// `[[top, bottom], [left, right]]`.
        pub padding: Padding<2> = Padding::Valid,
        /// Steps from cell to cell within the window: a number, or `[height, width]`.
        pub dilation_rate: Pair = Pair::square(1),
        /// How many filters each channel has.
        pub depth_multiplier: Size = Size::clamped(1),
        /// What is applied to the result.
        pub activation: Option<Word> = None,
        /// Whether a bias is added.
        pub use_bias: bool = true,
        /// What the depthwise kernel, `[height, width, channels, multiplier]`, holds at first.
        pub depthwise_initializer: Initializer = GlorotUniform {}.into(),
        /// What the bias, `[channels · multiplier]`, holds at first.
        pub bias_initializer: Initializer = Zeros {}.into(),
        /// The penalty on the depthwise kernel.
        pub depthwise_regularizer: Option<Regularizer> = None,
        /// The penalty on the bias.
        pub bias_regularizer: Option<Regularizer> = None,
        /// The penalty on what comes out of the layer, its activation included, by example.
        pub activity_regularizer: Option<Regularizer> = None,
        /// What is made to hold of the depthwise kernel behind each step.
        pub depthwise_constraint: Option<Constraint> = None,
        /// What is made to hold of the bias behind each step.
        pub bias_constraint: Option<Constraint> = None,
    }
}

impl DepthwiseConv2d {
    fn windows(&self, [_, height, width]: [u64; 3]) -> Result<Windows, FieldError> {
        let geometry = Geometry {
            window: self.kernel_size.extents(),
            strides: self.strides.extents(),
            dilation: self.dilation_rate.extents(),
            pools: false,
        };
        geometry.over([height, width], &self.padding, "kernel_size")
    }
}

impl LayerConfig for DepthwiseConv2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let windows = self.windows(input)?;
        let (multiplier, [height, width]) = (self.depth_multiplier.get(), self.kernel_size.extents());
        let filters = product(&[input[0], multiplier])?;
        let fans = (product(&[height, width, input[0]])?, product(&[height, width, multiplier])?);
        let layout = Layout::Depthwise { multiplier };
        let kernel = said!(self, depthwise).named("kernel");
        let mut parameters = vec![kernel.parameter(&[filters, 1, height, width], layout, fans)?];
        if self.use_bias {
            parameters.push(said!(self, bias).parameter(&[filters], Layout::Same, (filters, filters))?);
        }
        let output = vec![filters, windows.height, windows.width];
        let elements = product(&output)?;
        let flops = product(&[2, height, width, elements])?;
        Ok(Inferred { output, parameters, flops, saved: elements.saturating_add(windows.copied(input)) })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let input = image(inputs);
        Box::new(Built {
            kernel: parameters[0].shallow_clone(),
            bias: parameters.get(1).map(Tensor::shallow_clone),
            strides: self.strides.libtorch(),
            dilation: self.dilation_rate.libtorch(),
            channels: input.as_ref().map_or(1, |input| input[0] as i64),
            windows: input.and_then(|input| self.windows(input)).ok(),
        })
    }

    fn activation(&self) -> Option<&Word> {
        self.activation.as_ref()
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }

    fn convolves(&self) -> bool {
        true
    }

    fn leaves_its_output(&self) -> bool {
        true
    }
}

struct Built {
    kernel: Tensor,
    bias: Option<Tensor>,
    strides: [i64; 2],
    dilation: [i64; 2],
    channels: i64,
    windows: Option<Windows>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let (x, padding) = match &self.windows {
            Some(windows) => windows.pad(inputs[0], 0.0),
            None => (inputs[0].shallow_clone(), [0, 0]),
        };
        x.conv2d(&self.kernel, self.bias.as_ref(), self.strides, padding, self.dilation, self.channels)
    }
}
