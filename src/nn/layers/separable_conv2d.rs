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
    /// A convolution in two parts: each channel for itself, as in `depthwise_conv2d`, then all of a pixel's results
    /// together: `[channels, height, width]` to `[filters, height', width']`. Windows lie as those of `conv2d` (Chollet,
    /// *Xception: Deep Learning with Depthwise Separable Convolutions*, 2017).
    pub struct SeparableConv2d {
        /// How many channels come out, such as `32`.
        pub filters: Size,
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
        /// What the pointwise kernel, `[1, 1, channels · multiplier, filters]`, holds at first.
        pub pointwise_initializer: Initializer = GlorotUniform {}.into(),
        /// What the bias, `[filters]`, holds at first.
        pub bias_initializer: Initializer = Zeros {}.into(),
        /// The penalty on the depthwise kernel.
        pub depthwise_regularizer: Option<Regularizer> = None,
        /// The penalty on the pointwise kernel.
        pub pointwise_regularizer: Option<Regularizer> = None,
        /// The penalty on the bias.
        pub bias_regularizer: Option<Regularizer> = None,
        /// The penalty on what comes out of the layer, its activation included, by example.
        pub activity_regularizer: Option<Regularizer> = None,
        /// What is made to hold of the depthwise kernel behind each step.
        pub depthwise_constraint: Option<Constraint> = None,
        /// What is made to hold of the pointwise kernel behind each step.
        pub pointwise_constraint: Option<Constraint> = None,
        /// What is made to hold of the bias behind each step.
        pub bias_constraint: Option<Constraint> = None,
    }
}

impl SeparableConv2d {
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

impl LayerConfig for SeparableConv2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let windows = self.windows(input)?;
        let (multiplier, [height, width]) = (self.depth_multiplier.get(), self.kernel_size.extents());
        let (between, filters) = (product(&[input[0], multiplier])?, self.filters.get());
        let fans = (product(&[height, width, input[0]])?, product(&[height, width, multiplier])?);
        let layout = Layout::Depthwise { multiplier };
        let depthwise = said!(self, depthwise).named("depthwise_kernel");
        let pointwise = said!(self, pointwise).named("pointwise_kernel");
        let mut parameters = vec![
            depthwise.parameter(&[between, 1, height, width], layout, fans)?,
            pointwise.parameter(&[filters, between, 1, 1], Layout::Convolution, (between, filters))?,
        ];
        if self.use_bias {
            parameters.push(said!(self, bias).parameter(&[filters], Layout::Same, (filters, filters))?);
        }
        let output = vec![filters, windows.height, windows.width];
        let pixels = product(&output[1..])?;
        let flops =
            [product(&[2, height, width, between, pixels])?, product(&[2, between, filters, pixels])?];
        let saved = [product(&[between, pixels])?, product(&output)?, windows.copied(input)];
        let saved = saved.into_iter().fold(0, u64::saturating_add);
        Ok(Inferred { output, parameters, flops: flops.into_iter().fold(0, u64::saturating_add), saved })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let input = image(inputs);
        Box::new(Built {
            depthwise: parameters[0].shallow_clone(),
            pointwise: parameters[1].shallow_clone(),
            bias: parameters.get(2).map(Tensor::shallow_clone),
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
    depthwise: Tensor,
    pointwise: Tensor,
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
        let between =
            x.conv2d::<&Tensor>(&self.depthwise, None, self.strides, padding, self.dilation, self.channels);
        between.conv2d(&self.pointwise, self.bias.as_ref(), [1, 1], [0, 0], [1, 1], 1)
    }
}
