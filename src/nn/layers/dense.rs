use tch::Tensor;

use super::parameter::said;
use super::{
    FieldError, Forward, Inferred, LayerConfig, NodeContext, Word, features, image, product, single, size,
};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::{Shape, Size};

crate::record! {
    /// A fully connected layer: `y = activation(x · kernel + bias)` over the last axis of its input, `[…, in]` to
    /// `[…, units]` (Goodfellow, Bengio and Courville, *Deep Learning*, chapter 6). In an image it takes the channels
    /// of each pixel, `[in, height, width]` to `[units, height, width]`, as Keras does, which has them last.
    pub struct Dense {
        /// How many outputs, such as `128`. The last layer may leave it out where the data set fixes it: a unit for each class, or
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

impl LayerConfig for Dense {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let Some(axis) = features(input.len()) else {
            return Err(FieldError::whole("takes at least one axis, and its input is a single number"));
        };
        let Some(units) = self.units.map(Size::get) else {
            return Err(FieldError::new(
                "units",
                "is missing: only the last layer may leave it to the data set",
            ));
        };
        let width = input[axis];
        let fans = (width, units);
        let kernel = said!(self, kernel).parameter(&[units, width], Layout::Dense, fans)?;
        let mut parameters = vec![kernel];
        if self.use_bias {
            parameters.push(said!(self, bias).parameter(&[units], Layout::Same, fans)?);
        }
        let mut output = input.clone();
        output[axis] = units;
        let elements = size(&output)?;
        Ok(Inferred { output, parameters, flops: product(&[2, width, elements])?, saved: elements })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        let kernel = parameters[0].shallow_clone();
        let bias = parameters.get(1).map(Tensor::shallow_clone);
        Box::new(Built { kernel, bias, by_pixel: image(inputs).is_ok() })
    }

    fn activation(&self) -> Option<&Word> {
        self.activation.as_ref()
    }

    fn activity_regularizer(&self) -> Option<&Regularizer> {
        self.activity_regularizer.as_ref()
    }

    fn fill_units(&mut self, width: u64) {
        self.units.get_or_insert(Size::clamped(width));
    }
}

struct Built {
    kernel: Tensor,
    bias: Option<Tensor>,
    by_pixel: bool,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let linear = |x: &Tensor| x.linear(&self.kernel, self.bias.as_ref());
        if self.by_pixel {
            return linear(&inputs[0].permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
        }
        linear(inputs[0])
    }
}
