//! Initialisers: what parameters are before training. One file each.

use super::FieldError;
use crate::random::Draws;

crate::components! {
    /// What a parameter holds at first.
    pub enum Initializer: dyn InitializerConfig, "an initializer" { Zeros, Ones, Constant, GlorotUniform, HeNormal }
}

/// What an initialiser must say of itself.
pub trait InitializerConfig {
    /// Whether it can fill such a parameter; the text says why not.
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        let _ = parameter;
        Ok(())
    }

    /// The values in libtorch's order of axes. All that is random in them comes from `draws`.
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32>;
}

/// A parameter that a layer has.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    /// Keras's name of it: `kernel`, `bias`.
    pub name: &'static str,
    /// As libtorch wants it: `[out, in]`, `[out, in, height, width]`.
    pub shape: Vec<i64>,
    pub layout: Layout,
    /// Values that flow into one output, and out of one input.
    pub fan_in: u64,
    pub fan_out: u64,
    pub initializer: Initializer,
    pub trainable: bool,
}

impl ParameterSpec {
    /// A trainable parameter, its initialiser checked; `field` is the layer's field that names the initialiser.
    pub fn new(
        name: &'static str,
        field: &'static str,
        shape: &[u64],
        layout: Layout,
        (fan_in, fan_out): (u64, u64),
        initializer: &Initializer,
    ) -> Result<Self, FieldError> {
        let elements = shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent));
        if elements.is_none_or(|elements| elements > MOST_ELEMENTS) {
            return Err(FieldError::whole(format!("its {name} of the shape {shape:?} is too large")));
        }
        let parameter = Self {
            name,
            shape: shape.iter().map(|extent| *extent as i64).collect(),
            layout,
            fan_in,
            fan_out,
            initializer: initializer.clone(),
            trainable: true,
        };
        initializer.check(&parameter).map_err(|detail| FieldError::new(field, detail))?;
        Ok(parameter)
    }

    pub fn elements(&self) -> u64 {
        self.shape.iter().product::<i64>() as u64
    }
}

/// More elements than this no machine holds, and their bytes are still counted without overflow.
const MOST_ELEMENTS: u64 = 1 << 48;

/// How the order of axes in documents, which is Keras's, becomes libtorch's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The same.
    Same,
    /// `[in, out]` in documents, `[out, in]` in libtorch.
    Dense,
    /// `[height, width, in, out]` in documents, `[out, in, height, width]` in libtorch.
    Convolution,
}

impl Layout {
    /// For each of libtorch's axes, which of the document's it is.
    fn axes(self, rank: usize) -> Vec<usize> {
        match self {
            Self::Same => (0..rank).collect(),
            Self::Dense => vec![1, 0],
            Self::Convolution => vec![3, 2, 0, 1],
        }
    }

    /// A shape as documents write it.
    pub fn documented(self, shape: &[i64]) -> Vec<u64> {
        let mut documented = vec![0; shape.len()];
        for (extent, axis) in shape.iter().zip(self.axes(shape.len())) {
            documented[axis] = *extent as u64;
        }
        documented
    }

    /// Values in the document's order, brought into libtorch's. `shape` is libtorch's.
    pub fn to_libtorch(self, values: &[f32], shape: &[i64]) -> Vec<f32> {
        let documented = self.documented(shape);
        let axes = self.axes(shape.len());
        let stride_of = |axis: usize| documented[axis + 1..].iter().product::<u64>() as usize;
        let strides: Vec<usize> = axes.iter().map(|axis| stride_of(*axis)).collect();
        let mut position = vec![0_usize; shape.len()];
        (0..values.len())
            .map(|_| {
                let from: usize = position.iter().zip(&strides).map(|(at, stride)| at * stride).sum();
                for axis in (0..shape.len()).rev() {
                    position[axis] += 1;
                    if position[axis] < shape[axis] as usize {
                        break;
                    }
                    position[axis] = 0;
                }
                values[from]
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn initializer(value: &serde_json::Value) -> Initializer {
        Initializer::read(value, &Pointer::root(), &mut SpecErrors::new()).unwrap()
    }

    fn kernel(value: &serde_json::Value, shape: &[u64], layout: Layout) -> Result<Vec<f32>, FieldError> {
        let initializer = initializer(value);
        let fans = (shape[1], shape[0]);
        let parameter =
            ParameterSpec::new("kernel", "kernel_initializer", shape, layout, fans, &initializer)?;
        Ok(initializer.fill(&parameter, Stream::new(1, "initializer/x.kernel").at(0)))
    }

    #[test]
    fn constants_are_written_as_keras_lays_them_out() {
        let dense = serde_json::json!({"type": "constant", "value": [[1, 2], [3, 4], [5, 6]]});
        assert_eq!(kernel(&dense, &[2, 3], Layout::Dense).unwrap(), [1.0, 3.0, 5.0, 2.0, 4.0, 6.0]);
        // [height 1, width 2, in 1, out 2]
        let convolution = serde_json::json!({"type": "constant", "value": [[[[1, 2]], [[3, 4]]]]});
        assert_eq!(kernel(&convolution, &[2, 1, 1, 2], Layout::Convolution).unwrap(), [1.0, 3.0, 2.0, 4.0]);
        let number = serde_json::json!({"type": "constant", "value": 0.5});
        assert_eq!(kernel(&number, &[1, 2], Layout::Dense).unwrap(), [0.5, 0.5]);
        let error = kernel(&dense, &[3, 2], Layout::Dense).unwrap_err();
        assert_eq!(error.field, Some("kernel_initializer"));
        assert!(error.detail.contains("[3, 2]") && error.detail.contains("[2, 3]"), "{}", error.detail);
    }

    #[test]
    fn random_kernels_have_their_bounds_and_variances() {
        let glorot = kernel(&"glorot_uniform".into(), &[200, 300], Layout::Dense).unwrap();
        let limit = (6.0_f32 / 500.0).sqrt();
        assert!(glorot.iter().all(|value| value.abs() <= limit));
        let variance =
            |values: &[f32]| values.iter().map(|value| value * value).sum::<f32>() / values.len() as f32;
        assert!((variance(&glorot) / (limit * limit / 3.0) - 1.0).abs() < 0.02);
        let he = kernel(&"he_normal".into(), &[200, 300], Layout::Dense).unwrap();
        assert!((variance(&he) / (2.0 / 300.0) - 1.0).abs() < 0.02, "{}", variance(&he));
        assert!(he.iter().all(|value| value.abs() <= 2.0 * (2.0_f32 / 300.0).sqrt() / 0.879_625_6 + 1e-6));
    }
}
