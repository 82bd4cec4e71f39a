use tch::Tensor;

use super::parameter::said;
use super::{FieldError, Forward, Inferred, LayerConfig, NodeContext, merge, product};
use crate::nn::Pass;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::{GlorotUniform, Initializer, Layout, ParameterSpec};
use crate::nn::regularizers::Regularizer;
use crate::spec::Shape;

crate::record! {
    /// The sum of two or more inputs of one shape, element by element. An axis of the extent 1 stands for as many as the
    /// others have.
    pub struct Add {
        /// Of two inputs, whether the first is brought into the second's shape where it has another: by a matrix over its
        /// features, in an image over the channels of every so manyth pixel, as in residual networks (He, Zhang, Ren and Sun,
        /// *Deep Residual Learning for Image Recognition*, 2015). Without it two shapes that differ are a mistake.
        pub projection: bool = false,
        /// What the projection's kernel, `[in, out]` or `[1, 1, in, out]`, holds at first.
        pub kernel_initializer: Initializer = GlorotUniform {}.into(),
        /// The penalty on the projection's kernel.
        pub kernel_regularizer: Option<Regularizer> = None,
        /// What is made to hold of the projection's kernel behind each step.
        pub kernel_constraint: Option<Constraint> = None,
    }
}

/// The way from one shape to another.
struct Projection {
    /// Features that enter and that come out.
    features: [u64; 2],
    /// From pixel to pixel, in an image.
    strides: Option<[u64; 2]>,
}

impl Projection {
    fn between(from: &Shape, to: &Shape) -> Option<Self> {
        match (from.as_slice(), to.as_slice()) {
            ([from @ .., inwards], [to @ .., outwards]) if from.len() < 2 && from == to => {
                Some(Self { features: [*inwards, *outwards], strides: None })
            }
            ([inwards, height, width], [outwards, rows, columns]) => {
                let stride = |extent: u64, wanted: u64| {
                    let stride = extent.div_ceil(wanted);
                    (extent.div_ceil(stride) == wanted).then_some(stride)
                };
                let strides = [stride(*height, *rows)?, stride(*width, *columns)?];
                Some(Self { features: [*inwards, *outwards], strides: Some(strides) })
            }
            _ => None,
        }
    }
}

impl Add {
    /// The projection that is needed.
    fn projected(&self, inputs: &[Shape]) -> Result<Option<Projection>, FieldError> {
        let [from, to] = inputs else {
            return if self.projection {
                Err(FieldError::new("projection", format!("is for two inputs, not {}", inputs.len())))
            } else {
                Ok(None)
            };
        };
        if !self.projection || from == to {
            return Ok(None);
        }
        Projection::between(from, to).map(Some).ok_or_else(|| {
            FieldError::new(
                "inputs",
                format!("there is no way from the shape {from:?} to {to:?} in even strides"),
            )
        })
    }

    fn kernel(&self, projection: &Projection) -> Result<ParameterSpec, FieldError> {
        let [inwards, outwards] = projection.features;
        let fans = (inwards, outwards);
        match projection.strides {
            Some(_) => said!(self, kernel).parameter(&[outwards, inwards, 1, 1], Layout::Convolution, fans),
            None => said!(self, kernel).parameter(&[outwards, inwards], Layout::Dense, fans),
        }
    }
}

impl LayerConfig for Add {
    fn infer(&self, inputs: &[Shape]) -> Result<Inferred, FieldError> {
        let Some(projection) = self.projected(inputs)? else { return merge::infer(inputs, "added", 1) };
        let output = inputs[1].clone();
        let elements = product(&output)?;
        let flops = product(&[2, projection.features[0], elements])?;
        let parameters = vec![self.kernel(&projection)?];
        Ok(Inferred { output, parameters, flops, saved: elements.saturating_mul(2) })
    }

    fn build(&self, inputs: &[Shape], parameters: &[Tensor], _node: &NodeContext) -> Box<dyn Forward> {
        match (self.projected(inputs), parameters) {
            (Ok(Some(projection)), [kernel]) => {
                let strides = projection.strides.map(|strides| strides.map(|stride| stride as i64));
                Box::new(Projected { kernel: kernel.shallow_clone(), strides })
            }
            _ => merge::build(|one, other| one + other),
        }
    }

    fn leaves_its_output(&self) -> bool {
        true
    }
}

struct Projected {
    kernel: Tensor,
    strides: Option<[i64; 2]>,
}

impl Forward for Projected {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let projected = match self.strides {
            Some(strides) => inputs[0].conv2d::<&Tensor>(&self.kernel, None, strides, [0, 0], [1, 1], 1),
            None => inputs[0].linear::<&Tensor>(&self.kernel, None),
        };
        projected + inputs[1]
    }
}
