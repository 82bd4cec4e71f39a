use tch::Tensor;

use super::parameter::said;
use super::window::{Geometry, Windows, as_images, as_sequences};
use super::{
    FieldError, Forward, Inferred, LayerConfig, NodeContext, Padding, Word, grouped, product, sequence,
};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Shape, Size};

crate::record! {
    /// A convolution over sequences: `[steps, channels]` to `[steps', filters]`, each output the sum over a window of all
    /// channels times the filter's kernel, plus its bias (Waibel, Hanazawa, Hinton, Shikano and Lang, *Phoneme Recognition
    /// Using Time-Delay Neural Networks*, 1989). Windows lie as those of `conv2d`; with `padding`
    /// `[(kernel_size − 1) · dilation_rate, 0]` no output sees what comes after it.
    pub struct Conv1d {
        /// How many channels come out, such as `32`.
        pub filters: Size,
        /// Steps in the window.
        pub kernel_size: Size,
        /// Steps from window to window.
        pub strides: Size = Size::clamped(1),
        /// What stands around the sequence: `valid` for nothing, `same`, or zeros: a number or `[before, behind]`.
        pub padding: Padding<1> = Padding::Valid,
        /// Steps from cell to cell within the window.
        pub dilation_rate: Size = Size::clamped(1),
        /// Parts of the channels that are convolved apart; it divides channels and filters.
        pub groups: Size = Size::clamped(1),
        /// What is applied to the result.
        pub activation: Option<Word> = None,
        /// Whether a bias is added.
        pub use_bias: bool = true,
        /// What the kernel, `[length, channels / groups, filters]`, holds at first.
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

impl Conv1d {
    fn windows(&self, steps: u64) -> Result<Windows, FieldError> {
        let geometry = Geometry {
            window: [1, self.kernel_size.get()],
            strides: [1, self.strides.get()],
            dilation: [1, self.dilation_rate.get()],
            pools: false,
        };
        geometry.over_sequence(steps, &self.padding, "kernel_size")
    }
}

impl LayerConfig for Conv1d {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let [steps, channels] = sequence(inputs)?;
        let windows = self.windows(steps)?;
        let (filters, length) = (self.filters.get(), self.kernel_size.get());
        let own = grouped(self.groups.get(), channels, filters)?;
        let fans = (product(&[length, own])?, product(&[length, filters])?);
        let kernel = said!(self, kernel).parameter(&[filters, own, length], Layout::Convolution1d, fans)?;
        let mut parameters = vec![kernel];
        if self.use_bias {
            parameters.push(said!(self, bias).parameter(&[filters], Layout::Same, fans)?);
        }
        let output = vec![windows.width, filters];
        let elements = product(&output)?;
        let flops = product(&[2, fans.0, elements])?;
        // The input is copied into libtorch's order of axes.
        let saved = [product(&[steps, channels])?, windows.copied([channels, 1, steps])];
        let saved = saved.into_iter().fold(elements, u64::saturating_add);
        Ok(Inferred { output, parameters, flops, saved })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built {
            kernel: parameters[0].shallow_clone(),
            bias: parameters.get(1).map(Tensor::shallow_clone),
            stride: self.strides.get() as i64,
            dilation: self.dilation_rate.get() as i64,
            groups: self.groups.get() as i64,
            windows: sequence(inputs).and_then(|[steps, _]| self.windows(steps)).ok(),
        })
    }

    fn activation(&self) -> Option<&Word> {
        self.activation.as_ref()
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }
}

struct Built {
    /// `[filters, channels / groups, length]`.
    kernel: Tensor,
    bias: Option<Tensor>,
    stride: i64,
    dilation: i64,
    groups: i64,
    windows: Option<Windows>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = as_images(inputs[0]);
        let (x, padding) = match &self.windows {
            Some(windows) => windows.pad(&x, 0.0),
            None => (x, [0, 0]),
        };
        let (strides, dilation) = ([1, self.stride], [1, self.dilation]);
        // A view that outlived a step would lose its way back to the parameter, which is changed in place.
        let kernel = self.kernel.unsqueeze(2);
        as_sequences(&x.conv2d(&kernel, self.bias.as_ref(), strides, padding, dilation, self.groups))
    }
}
