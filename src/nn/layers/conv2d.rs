use tch::Tensor;

use super::parameter::said;
use super::window::{Geometry, Windows};
use super::{
    FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Pair, Word, grouped, image, product,
};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Shape, Size};

crate::record! {
    /// A convolution over images: `[channels, height, width]` to `[filters, height', width']`, each output the sum over
    /// a window of all channels times the filter's kernel, plus its bias (LeCun, Bottou, Bengio and Haffner,
    /// *Gradient-Based Learning Applied to Document Recognition*, 1998).
    ///
    /// With padding `valid` an extent becomes `⌊(extent − kernel) / stride⌋ + 1`, with `same` `⌈extent / stride⌉`; the
    /// zeros that `same` needs stand half before and half behind, an odd one behind, as in Keras. A dilated kernel reaches
    /// over `(kernel − 1) · dilation + 1` cells.
    pub struct Conv2d {
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
        /// Parts of the channels that are convolved apart; it divides channels and filters.
        pub groups: Size = Size::clamped(1),
        /// What is applied to the result.
        pub activation: Option<Word> = None,
        /// Whether a bias is added.
        pub use_bias: bool = true,
        /// What the kernel, `[height, width, channels / groups, filters]`, holds at first.
        pub kernel_initializer: Initializer = GlorotUniform {}.into(),
        /// What the bias, `[filters]`, holds at first.
        pub bias_initializer: Initializer = Zeros {}.into(),
        /// The penalty on the kernel.
        pub kernel_regularizer: Option<Regularizer> = None,
        /// The penalty on the bias.
        pub bias_regularizer: Option<Regularizer> = None,
        /// The penalty on what comes out of the layer, its activation included, by example.
        pub activity_regularizer: Option<Regularizer> = None,
        /// What is made to hold of the kernel behind each step.
        pub kernel_constraint: Option<Constraint> = None,
        /// What is made to hold of the bias behind each step.
        pub bias_constraint: Option<Constraint> = None,
    }
}

impl Conv2d {
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

impl LayerConfig for Conv2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let windows = self.windows(input)?;
        let (filters, [height, width]) = (self.filters.get(), self.kernel_size.extents());
        let channels = grouped(self.groups.get(), input[0], filters)?;
        let fans = (product(&[height, width, channels])?, product(&[height, width, filters])?);
        let shape = [filters, channels, height, width];
        let mut parameters = vec![said!(self, kernel).parameter(&shape, Layout::Convolution, fans)?];
        if self.use_bias {
            parameters.push(said!(self, bias).parameter(&[filters], Layout::Same, fans)?);
        }
        let output = vec![filters, windows.height, windows.width];
        let elements = product(&output)?;
        let flops = product(&[2, fans.0, elements])?;
        Ok(Inferred { output, parameters, flops, saved: elements.saturating_add(windows.copied(input)) })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built {
            kernel: parameters[0].shallow_clone(),
            bias: parameters.get(1).map(Tensor::shallow_clone),
            strides: self.strides.libtorch(),
            dilation: self.dilation_rate.libtorch(),
            groups: self.groups.get() as i64,
            windows: image(inputs).and_then(|input| self.windows(input)).ok(),
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
    groups: i64,
    windows: Option<Windows>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let (x, padding) = match &self.windows {
            Some(windows) => windows.pad(inputs[0], 0.0),
            None => (inputs[0].shallow_clone(), [0, 0]),
        };
        x.conv2d(&self.kernel, self.bias.as_ref(), self.strides, padding, self.dilation, self.groups)
    }
}
