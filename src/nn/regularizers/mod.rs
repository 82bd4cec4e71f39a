//! Regularisers: penalties on the size of parameters, or of what a layer gives, that are added to the loss. One file each.

use tch::Tensor;

crate::components! {
    /// What is added to the loss.
    pub enum Regularizer: dyn RegularizerConfig, "a regularizer" { L1, L2, L1L2 }
}

/// What a regulariser must say of itself.
pub trait RegularizerConfig {
    /// The penalty on all values of `x`, a scalar.
    fn penalty(&self, x: &Tensor) -> Tensor;
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    #[test]
    fn penalties_and_their_gradients_are_those_of_the_formulas() {
        let values = [-3.0_f64, 0.5, 2.0];
        for (body, l1, l2) in [
            (json!("l1"), 0.01, 0.0),
            (json!({"type": "l2", "l2": 0.5}), 0.0, 0.5),
            (json!({"type": "l1_l2", "l1": 0.1, "l2": 0.2}), 0.1, 0.2),
        ] {
            let regularizer = Regularizer::read(&body, &Pointer::root(), &mut SpecErrors::new()).unwrap();
            let x = Tensor::from_slice(&values).set_requires_grad(true);
            let penalty = regularizer.penalty(&x);
            let expected: f64 = values.iter().map(|x| l1 * x.abs() + l2 * x * x).sum();
            assert!((penalty.double_value(&[]) - expected).abs() < 1e-12, "{body}");
            let gradient = Tensor::run_backward(&[&penalty], &[&x], false, false).remove(0);
            for (index, x) in values.iter().enumerate() {
                let expected = l1 * x.signum() + 2.0 * l2 * x;
                assert!((gradient.double_value(&[index as i64]) - expected).abs() < 1e-12, "{body}");
            }
        }
    }
}
