use tch::Tensor;

use super::parameter::said;
use super::{Axis, FieldError, Forward, Inferred, LayerConfig, NodeContext, single, size};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{Initializer, Layout, Zeros};
use crate::nn::regularizers::Regularizer;
use crate::spec::Shape;

crate::record! {
    /// The rectifier with a slope below nought that is learned, `f(x) = x` above nought and `alpha · x` below (He, Zhang, Ren
    /// and Sun, *Delving Deep into Rectifiers*, 2015). Since it has a parameter, it is a layer and no activation of another.
    /// At nought itself its slope is alpha, as PyTorch has it, where Keras has it 0.
    pub struct Prelu {
        /// What alpha, of its input's shape, holds at first.
        pub alpha_initializer: Initializer = Zeros {}.into(),
        /// The penalty on alpha.
        pub alpha_regularizer: Option<Regularizer> = None,
        /// What is made to hold of alpha behind each step.
        pub alpha_constraint: Option<Constraint> = None,
        /// Axes along which alpha is the same, counted as Keras counts, 1 being the first of the shape: `[2, 3]` for one alpha
        /// for each channel of an image `[channels, height, width]`.
        pub shared_axes: Option<Vec<Axis>> = None,
    }
}

impl LayerConfig for Prelu {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let input = single(inputs)?;
        let mut alpha = input.clone();
        for axis in self.shared_axes.iter().flatten() {
            let Some(index) = axis.index(input.len()) else {
                return Err(FieldError::new("shared_axes", format!("the shape {input:?} has no such axis")));
            };
            alpha[index] = 1;
        }
        let fan = alpha.last().copied().unwrap_or(1);
        let parameters = vec![said!(self, alpha).parameter(&alpha, Layout::Same, (fan, fan))?];
        let elements = size(input)?;
        let (flops, saved) = (elements.saturating_mul(3), elements.saturating_mul(3));
        Ok(Inferred { output: input.clone(), parameters, flops, saved })
    }

    fn build(&self, _inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        Box::new(Built { alpha: parameters[0].shallow_clone() })
    }
}

struct Built {
    alpha: Tensor,
}

impl Forward for Built {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        // What `prelu` calls, which itself takes no alpha but one by channel.
        inputs[0].internal_prelu_kernel(&self.alpha.unsqueeze(0))
    }
}
