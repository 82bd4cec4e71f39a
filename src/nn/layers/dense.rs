use tch::Tensor;

use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, Word, product, single, size};
use crate::nn::Pass;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, ParameterSpec, Zeros};
use crate::spec::{Shape, Size};

crate::record! {
    /// A fully connected layer: `y = activation(x · kernel + bias)` over the last axis of its input, `[…, in]` to
    /// `[…, units]` (Goodfellow, Bengio and Courville, *Deep Learning*, chapter 6).
    pub struct Dense {
        /// How many outputs. The last layer may leave it out where the data set fixes it: a unit for each class, or
        /// for each number to predict.
        pub units: Option<Size> = None,
        /// What is applied to the result.
        pub activation: Option<Word> = None,
        /// Whether a bias is added.
        pub use_bias: bool = true,
        /// What the kernel, `[in, units]`, holds at first.
        pub kernel_initializer: Initializer = GlorotUniform {}.into(),
        /// What the bias, `[units]`, holds at first.
        pub bias_initializer: Initializer = Zeros {}.into(),
    }
}

impl LayerConfig for Dense {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let Some((width, outer)) = input.split_last() else {
            return Err(FieldError::whole("takes at least one axis, and its input is a single number"));
        };
        let Some(units) = self.units.map(Size::get) else {
            return Err(FieldError::new(
                "units",
                "is missing: only the last layer may leave it to the data set",
            ));
        };
        let fans = (*width, units);
        let mut parameters = vec![ParameterSpec::new(
            "kernel",
            "kernel_initializer",
            &[units, *width],
            Layout::Dense,
            fans,
            &self.kernel_initializer,
        )?];
        if self.use_bias {
            parameters.push(ParameterSpec::new(
                "bias",
                "bias_initializer",
                &[units],
                Layout::Same,
                fans,
                &self.bias_initializer,
            )?);
        }
        let output: Shape = outer.iter().copied().chain([units]).collect();
        let rows = product(outer)?;
        let (flops, saved) = (product(&[2, rows, *width, units])?, size(&output)?);
        Ok(Inferred { output, parameters, flops, saved })
    }

    fn build(&self, _inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let kernel = parameters[0].shallow_clone();
        Box::new(Built { kernel, bias: parameters.get(1).map(Tensor::shallow_clone) })
    }

    fn activation(&self) -> Option<&Word> {
        self.activation.as_ref()
    }

    fn fill_units(&mut self, width: u64) {
        self.units.get_or_insert(Size::clamped(width));
    }
}

struct Built {
    kernel: Tensor,
    bias: Option<Tensor>,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        inputs[0].linear(&self.kernel, self.bias.as_ref())
    }
}
