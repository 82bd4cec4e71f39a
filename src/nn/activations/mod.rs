//! Activations. Each word of the set is an activation that a layer may name, and a layer of its own.

use tch::Tensor;

crate::components! {
    /// What is applied to a layer's values.
    pub enum Activation: dyn ActivationConfig, "an activation" {
        Linear, Sigmoid, Tanh, Relu, LeakyRelu, Elu, Selu, Gelu, Silu, Softplus, Softsign, Mish, HardSigmoid, HardSwish,
        Exponential, Softmax, LogSoftmax
    }
}

/// What an activation must say of itself.
pub trait ActivationConfig {
    /// `x` is a batch; so is the answer, of the same shape.
    fn apply(&self, x: &Tensor) -> Tensor;

    /// Whether it looks at each element alone and never turns their order around, so that the greatest of several
    /// stays the greatest: then it may as well run behind max-pooling, on fewer elements.
    fn elementwise_non_decreasing(&self) -> bool;

    /// Whether its backward pass asks for nothing but what comes out, so that this may stand where its values stood.
    fn may_overwrite(&self) -> bool {
        false
    }

    /// The same as [`apply`](Self::apply), in the memory of `x` where it [may](Self::may_overwrite).
    fn apply_over(&self, x: Tensor) -> Tensor {
        self.apply(&x)
    }

    /// Elements kept for the backward pass beside the result, for each element.
    fn saved(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn values(body: &serde_json::Value, x: &[f64]) -> Vec<f64> {
        let activation = Activation::read(body, &Pointer::root(), &mut SpecErrors::new()).unwrap();
        Vec::try_from(&activation.apply(&Tensor::from_slice(x))).unwrap()
    }

    #[test]
    fn values_are_those_of_the_formulas() {
        let x = [-2.0, 0.0, 0.5];
        let near = |word: &str, expected: [f64; 3]| {
            for (value, expected) in values(&word.into(), &x).iter().zip(expected) {
                assert!((value - expected).abs() < 1e-12, "{word}: {value}, not {expected}");
            }
        };
        near("linear", x);
        near("relu", [0.0, 0.0, 0.5]);
        near("tanh", x.map(f64::tanh));
        near("sigmoid", x.map(|x| 1.0 / (1.0 + (-x).exp())));
        let sum: f64 = x.iter().map(|x| x.exp()).sum();
        near("softmax", x.map(|x| x.exp() / sum));
    }

    #[test]
    fn the_general_rectifier_is_that_of_keras() {
        let x = [-2.0, -0.5, 0.5, 1.0, 1.5, 9.0];
        let relu = |fields: serde_json::Value| {
            let mut body = fields;
            body["type"] = "relu".into();
            values(&body, &x)
        };
        let most = serde_json::json!({"max_value": 6});
        assert_eq!(relu(most), [0.0, 0.0, 0.5, 1.0, 1.5, 6.0]);
        let threshold = serde_json::json!({"threshold": 1, "negative_slope": 0.5, "max_value": 2});
        assert_eq!(relu(threshold), [-1.5, -0.75, -0.25, 0.0, 1.5, 2.0]);
        let leaky = serde_json::json!({"negative_slope": 0.5});
        assert_eq!(relu(leaky), [-1.0, -0.25, 0.5, 1.0, 1.5, 9.0]);
    }

    #[test]
    fn the_softmax_of_an_image_is_over_its_channels() {
        let image = Tensor::arange(24, (tch::Kind::Double, tch::Device::Cpu)).reshape([1, 2, 3, 4]);
        let sums = Softmax {}.apply(&image).sum_dim_intlist(1, false, None);
        assert!(sums.allclose(&sums.ones_like(), 1e-12, 0.0, false));
    }
}
