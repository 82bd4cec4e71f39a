//! Initialisers: what parameters are before training. One file each.

use super::FieldError;
use super::constraints::Constraint;
use super::regularizers::Regularizer;
use crate::random::Draws;

crate::components! {
    /// What a parameter holds at first.
    pub enum Initializer: dyn InitializerConfig, "an initializer" {
        Zeros, Ones, Constant, Identity, RandomNormal, RandomUniform, TruncatedNormal, GlorotUniform, GlorotNormal, HeUniform,
        HeNormal, LecunUniform, LecunNormal, VarianceScaling, Orthogonal
    }
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
    pub regularizer: Option<Regularizer>,
    pub constraint: Option<Constraint>,
    /// Whether gradients change it. Statistics that a layer keeps are changed by the layer itself.
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
            regularizer: None,
            constraint: None,
            trainable: true,
        };
        initializer.check(&parameter).map_err(|detail| FieldError::new(field, detail))?;
        Ok(parameter)
    }

    /// With a penalty on its size.
    #[must_use]
    pub fn regularized(mut self, regularizer: Option<&Regularizer>) -> Self {
        self.regularizer = regularizer.cloned();
        self
    }

    /// With what is made to hold of it behind each step; `field` is the layer's field that names it.
    pub fn constrained(
        mut self,
        field: &'static str,
        constraint: Option<&Constraint>,
    ) -> Result<Self, FieldError> {
        if let Some(constraint) = constraint {
            constraint.check(&self).map_err(|detail| FieldError::new(field, detail))?;
        }
        self.constraint = constraint.cloned();
        Ok(self)
    }

    /// Kept by the layer, out of the gradients' reach.
    #[must_use]
    pub fn statistic(mut self) -> Self {
        self.trainable = false;
        self
    }

    /// Its shape as documents write it.
    pub fn documented(&self) -> Vec<u64> {
        self.layout.documented(&self.shape)
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
    /// `[height, width, in, out]` in documents, `[out, in, height, width]` in libtorch. For a transposed convolution
    /// `[height, width, out, in]` and `[in, out, height, width]`: the same axes.
    Convolution,
    /// `[length, in, out]` in documents, `[out, in, length]` in libtorch.
    Convolution1d,
    /// `[height, width, in, multiplier]` in documents, `[in · multiplier, 1, height, width]` in libtorch.
    Depthwise { multiplier: u64 },
}

impl Layout {
    /// For each of libtorch's axes, which of the document's it is.
    fn axes(self, rank: usize) -> Vec<usize> {
        match self {
            Self::Same => (0..rank).collect(),
            Self::Dense => vec![1, 0],
            Self::Convolution => vec![3, 2, 0, 1],
            Self::Convolution1d => vec![2, 1, 0],
            Self::Depthwise { .. } => vec![2, 3, 0, 1],
        }
    }

    /// libtorch's extents with an axis for each of the document's, in libtorch's order.
    pub fn unfolded(self, shape: &[i64]) -> Vec<i64> {
        match (self, shape) {
            (Self::Depthwise { multiplier }, [channels, _, height, width]) => {
                let multiplier = multiplier.max(1) as i64;
                vec![channels / multiplier, multiplier, *height, *width]
            }
            _ => shape.to_vec(),
        }
    }

    /// The place of one of the document's axes among libtorch's [unfolded](Self::unfolded) ones.
    pub fn place(self, axis: usize, rank: usize) -> Option<usize> {
        self.axes(rank).iter().position(|documented| *documented == axis)
    }

    /// A shape as documents write it.
    pub fn documented(self, shape: &[i64]) -> Vec<u64> {
        let mut documented = vec![0; shape.len()];
        for (extent, axis) in self.unfolded(shape).iter().zip(self.axes(shape.len())) {
            documented[axis] = *extent as u64;
        }
        documented
    }

    /// Values in the document's order, brought into libtorch's. `shape` is libtorch's.
    pub fn to_libtorch(self, values: &[f32], shape: &[i64]) -> Vec<f32> {
        let documented = self.documented(shape);
        let (axes, shape) = (self.axes(shape.len()), self.unfolded(shape));
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

/// Normal with that mean and deviation.
fn normal(parameter: &ParameterSpec, draws: Draws, mean: f64, deviation: f64) -> Vec<f32> {
    let mut values = vec![0.0; parameter.elements() as usize];
    draws.fill_normal(&mut values);
    stretch(&mut values, mean, deviation);
    values
}

/// The same, cut off at two deviations.
fn truncated_normal(parameter: &ParameterSpec, draws: Draws, mean: f64, deviation: f64) -> Vec<f32> {
    let mut values = vec![0.0; parameter.elements() as usize];
    draws.fill_truncated_normal(2.0, &mut values);
    stretch(&mut values, mean, deviation);
    values
}

/// Uniform between two bounds.
fn uniform(parameter: &ParameterSpec, draws: Draws, least: f64, most: f64) -> Vec<f32> {
    let mut values = vec![0.0; parameter.elements() as usize];
    draws.fill_uniform(&mut values);
    stretch(&mut values, least, most - least);
    values
}

fn stretch(values: &mut [f32], offset: f64, factor: f64) {
    let (offset, factor) = (offset as f32, factor as f32);
    for value in values {
        *value = *value * factor + offset;
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

    /// Mean, variance and greatest distance from the mean of draws by their formulas: the kernel is `[300, 200]` in
    /// documents, so that 300 values flow in and 200 out.
    #[test]
    fn every_random_initialiser_has_its_mean_and_variance() {
        let cut = |deviation: f64| 2.0 * deviation / 0.879_625_661_034_239_8;
        let flat = |variance: f64| (3.0 * variance).sqrt();
        let far = f64::INFINITY;
        let (average, inwards, outwards) = (1.0 / 250.0, 1.0 / 300.0, 1.0 / 200.0);
        let scaling = |mode: &str, distribution: &str| serde_json::json!({"type": "variance_scaling", "scale": 3, "mode": mode, "distribution": distribution});
        let cases: [(serde_json::Value, f64, f64, f64); 11] = [
            ("random_normal".into(), 0.0, 0.0025, far),
            (serde_json::json!({"type": "random_normal", "mean": 1, "stddev": 2}), 1.0, 4.0, far),
            ("random_uniform".into(), 0.0, 0.01 / 12.0, 0.05),
            ("truncated_normal".into(), 0.0, 0.0025 * 0.773_741_3, 0.1),
            ("glorot_normal".into(), 0.0, average, cut(average.sqrt())),
            ("he_uniform".into(), 0.0, 2.0 * inwards, flat(2.0 * inwards)),
            ("lecun_uniform".into(), 0.0, inwards, flat(inwards)),
            ("lecun_normal".into(), 0.0, inwards, cut(inwards.sqrt())),
            (scaling("fan_out", "uniform"), 0.0, 3.0 * outwards, flat(3.0 * outwards)),
            (scaling("fan_avg", "untruncated_normal"), 0.0, 3.0 * average, far),
            (scaling("fan_in", "truncated_normal"), 0.0, 3.0 * inwards, cut((3.0 * inwards).sqrt())),
        ];
        for (body, mean, variance, most) in cases {
            let values = kernel(&body, &[200, 300], Layout::Dense).unwrap();
            let n = values.len() as f64;
            let found = values.iter().map(|value| f64::from(*value)).sum::<f64>() / n;
            let spread = values.iter().map(|value| (f64::from(*value) - mean).powi(2)).sum::<f64>() / n;
            assert!((found - mean).abs() < 4.0 * (variance / n).sqrt(), "{body}: mean {found}");
            assert!((spread / variance - 1.0).abs() < 0.03, "{body}: variance {spread}, not {variance}");
            let furthest = values.iter().map(|value| (f64::from(*value) - mean).abs()).fold(0.0, f64::max);
            assert!(furthest <= most * 1.000_001, "{body}: {furthest} is beyond {most}");
            assert!(most.is_infinite() || furthest > most * 0.98, "{body}: {furthest} is far from {most}");
        }
    }

    #[test]
    fn an_orthogonal_kernel_has_its_right_angles_and_every_direction() {
        let body = serde_json::json!({"type": "orthogonal", "gain": 2});
        for (shape, layout) in [
            (vec![5, 8], Layout::Dense),
            (vec![8, 5], Layout::Dense),
            (vec![6, 3, 2, 4], Layout::Convolution),
            (vec![3, 4, 2], Layout::Convolution1d),
        ] {
            let values = kernel(&body, &shape, layout).unwrap();
            let extents: Vec<i64> = shape.iter().map(|extent| *extent as i64).collect();
            // libtorch has the outputs first: rows of the matrix are columns of the document's.
            let matrix = tch::Tensor::from_slice(&values).reshape([extents[0], -1]);
            let matrix = if matrix.size()[0] > matrix.size()[1] { matrix.tr() } else { matrix };
            let product = matrix.matmul(&matrix.tr());
            let expected = tch::Tensor::eye(product.size()[0], (tch::Kind::Float, tch::Device::Cpu)) * 4.0;
            assert!(product.allclose(&expected, 1e-5, 1e-5, false), "{shape:?}: {product}");
        }
        // Without R's signs the first column of Q would be on one side alone.
        let first: Vec<f32> = (0..200)
            .map(|seed| {
                let parameter =
                    ParameterSpec::new("kernel", "x", &[2, 2], Layout::Dense, (2, 2), &initializer(&body));
                initializer(&body).fill(&parameter.unwrap(), Stream::new(seed, "x").at(0))[0]
            })
            .collect();
        let above = first.iter().filter(|value| **value > 0.0).count();
        assert!((70..130).contains(&above), "{above} of 200");
        assert!(kernel(&body, &[5, 8], Layout::Same).is_ok());
    }

    #[test]
    fn identity_and_orthogonal_are_for_matrices() {
        assert_eq!(
            kernel(&serde_json::json!({"type": "identity", "gain": 3}), &[2, 3], Layout::Dense).unwrap(),
            [3.0, 0.0, 0.0, 0.0, 3.0, 0.0]
        );
        for word in ["identity", "orthogonal"] {
            let bias = ParameterSpec::new(
                "bias",
                "bias_initializer",
                &[4],
                Layout::Same,
                (4, 4),
                &initializer(&word.into()),
            );
            let error = bias.unwrap_err();
            assert!(error.field == Some("bias_initializer") && error.detail.contains("[4]"), "{error:?}");
        }
        let body = serde_json::json!({"type": "random_uniform", "minval": 1, "maxval": 0});
        assert!(kernel(&body, &[2, 2], Layout::Dense).unwrap_err().detail.contains("turn them round"));
    }

    #[test]
    fn depthwise_and_one_dimensional_kernels_are_laid_out_too() {
        // [height 1, width 2, in 2, multiplier 2]
        let depthwise =
            serde_json::json!({"type": "constant", "value": [[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]]});
        let values = kernel(&depthwise, &[4, 1, 1, 2], Layout::Depthwise { multiplier: 2 }).unwrap();
        assert_eq!(values, [1.0, 5.0, 2.0, 6.0, 3.0, 7.0, 4.0, 8.0]);
        // [length 2, in 1, out 2]
        let line = serde_json::json!({"type": "constant", "value": [[[1, 2]], [[3, 4]]]});
        assert_eq!(kernel(&line, &[2, 1, 2], Layout::Convolution1d).unwrap(), [1.0, 3.0, 2.0, 4.0]);
    }
}
