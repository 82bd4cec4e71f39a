use tch::Tensor;

use super::window::Windows;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Pair, Word, image, product};
use crate::nn::Pass;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, ParameterSpec, Zeros};
use crate::spec::{Shape, Size};

crate::record! {
    /// A convolution over images: `[channels, height, width]` to `[filters, height', width']`, each output the sum over
    /// a window of all channels times the filter's kernel, plus its bias (LeCun, Bottou, Bengio and Haffner,
    /// *Gradient-Based Learning Applied to Document Recognition*, 1998).
    ///
    /// With padding `valid` an extent becomes `⌊(extent − kernel) / stride⌋ + 1`, with `same` `⌈extent / stride⌉`; the
    /// zeros that `same` needs stand half before and half behind, an odd one behind, as in Keras.
    pub struct Conv2d {
        /// How many channels come out.
        pub filters: Size,
        /// Extents of the window: a number, or `[height, width]`.
        pub kernel_size: Pair,
        /// Steps from window to window: a number, or `[height, width]`.
        pub strides: Pair = Pair::square(1),
        /// What stands around the image.
        pub padding: Padding = Padding::Valid,
        /// What is applied to the result.
        pub activation: Option<Word> = None,
        /// Whether a bias is added.
        pub use_bias: bool = true,
        /// What the kernel, `[height, width, channels, filters]`, holds at first.
        pub kernel_initializer: Initializer = GlorotUniform {}.into(),
        /// What the bias, `[filters]`, holds at first.
        pub bias_initializer: Initializer = Zeros {}.into(),
    }
}

impl Conv2d {
    fn windows(&self, [_, height, width]: [u64; 3]) -> Result<Windows, FieldError> {
        Windows::over([height, width], self.kernel_size, self.strides, self.padding, "kernel_size")
    }
}

impl LayerConfig for Conv2d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = image(inputs)?;
        let windows = self.windows(input)?;
        let (filters, Pair { height, width }) = (self.filters.get(), self.kernel_size);
        let fans = (product(&[height, width, input[0]])?, product(&[height, width, filters])?);
        let shape = [filters, input[0], height, width];
        let mut parameters = vec![ParameterSpec::new(
            "kernel",
            "kernel_initializer",
            &shape,
            Layout::Convolution,
            fans,
            &self.kernel_initializer,
        )?];
        if self.use_bias {
            parameters.push(ParameterSpec::new(
                "bias",
                "bias_initializer",
                &[filters],
                Layout::Same,
                fans,
                &self.bias_initializer,
            )?);
        }
        let output = vec![filters, windows.height, windows.width];
        let elements = product(&output)?;
        let flops = product(&[2, fans.0, elements])?;
        Ok(Inferred { output, parameters, flops, saved: elements.saturating_add(windows.copied(input)) })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let kernel = parameters[0].shallow_clone();
        Box::new(Built {
            kernel,
            bias: parameters.get(1).map(Tensor::shallow_clone),
            strides: self.strides.libtorch(),
            windows: image(inputs).and_then(|input| self.windows(input)).ok(),
        })
    }

    fn activation(&self) -> Option<&Word> {
        self.activation.as_ref()
    }

    fn convolves(&self) -> bool {
        true
    }
}

struct Built {
    kernel: Tensor,
    bias: Option<Tensor>,
    strides: [i64; 2],
    windows: Option<Windows>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let (x, padding) = match &self.windows {
            Some(windows) => windows.pad(inputs[0], 0.0),
            None => (inputs[0].shallow_clone(), [0, 0]),
        };
        x.conv2d(&self.kernel, self.bias.as_ref(), self.strides, padding, [1, 1], 1)
    }
}
