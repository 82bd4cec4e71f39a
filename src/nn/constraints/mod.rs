//! Constraints: what is made to hold of a parameter behind each step of training. One file each.

mod axes;

pub use axes::Axes;

use tch::{Kind, Tensor};

use super::initializers::ParameterSpec;

crate::components! {
    /// What is made to hold of a parameter.
    pub enum Constraint: dyn ConstraintConfig, "a constraint" { MaxNorm, UnitNorm, NonNeg, MinMaxNorm }
}

/// What a constraint must say of itself.
pub trait ConstraintConfig {
    /// Whether it can hold of such a parameter; the text says why not.
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        let _ = parameter;
        Ok(())
    }

    /// The nearest that `values` may be, in Keras's sense. They have an axis for each of the document's, in libtorch's
    /// order.
    fn apply(&self, values: &Tensor, parameter: &ParameterSpec) -> Tensor;
}

/// Keras's guard against the division by nought.
const EPSILON: f64 = 1e-7;

/// Lengths along some axes, kept with the extent 1.
fn norms(values: &Tensor, axes: &[i64]) -> Tensor {
    values.square().sum_dim_intlist(axes, true, None::<Kind>).sqrt()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::nn::initializers::{Layout, Zeros};
    use crate::spec::{Field, Pointer, SpecErrors};

    fn constraint(body: &Value) -> Constraint {
        Constraint::read(body, &Pointer::root(), &mut SpecErrors::new()).unwrap()
    }

    fn parameter(shape: &[u64], layout: Layout) -> ParameterSpec {
        ParameterSpec::new("kernel", "kernel_initializer", shape, layout, (1, 1), &Zeros {}.into()).unwrap()
    }

    /// What becomes of the kernel `[[3, 0.3], [4, 0.4]]` of the document, whose columns have the lengths 5 and 0.5.
    fn constrained(body: &Value) -> Vec<f64> {
        let kernel = Tensor::from_slice(&[3.0, 4.0, 0.3, 0.4]).reshape([2, 2]);
        let parameter = parameter(&[2, 2], Layout::Dense);
        constraint(body).check(&parameter).unwrap();
        // As the document has it: libtorch's rows are its columns.
        let values = constraint(body).apply(&kernel, &parameter).tr().contiguous().flatten(0, -1);
        Vec::try_from(&values).unwrap()
    }

    #[test]
    fn values_are_those_of_keras() {
        let near = |body: Value, expected: [f64; 4]| {
            for (value, expected) in constrained(&body).iter().zip(expected) {
                assert!((value - expected).abs() < 1e-6, "{body}: {value}, not {expected}");
            }
        };
        near(json!("max_norm"), [1.2, 0.3, 1.6, 0.4]);
        near(json!({"type": "max_norm", "max_value": 1, "axis": [0, 1]}), {
            let norm = 25.25_f64.sqrt();
            [3.0 / norm, 0.3 / norm, 4.0 / norm, 0.4 / norm]
        });
        near(json!("unit_norm"), [0.6, 0.6, 0.8, 0.8]);
        let by_row =
            [3.0 / 9.09_f64.sqrt(), 0.3 / 9.09_f64.sqrt(), 4.0 / 16.16_f64.sqrt(), 0.4 / 16.16_f64.sqrt()];
        near(json!({"type": "unit_norm", "axis": -1}), by_row);
        near(
            json!({"type": "min_max_norm", "min_value": 1, "max_value": 2, "rate": 0.5}),
            [2.1, 0.45, 2.8, 0.6],
        );
        near(json!("non_neg"), [3.0, 0.3, 4.0, 0.4]);
        let negative = Tensor::from_slice(&[-1.0, 0.0, 2.0]);
        let kept = constraint(&json!("non_neg")).apply(&negative, &parameter(&[3], Layout::Same));
        assert_eq!(Vec::<f64>::try_from(&kept).unwrap(), [0.0, 0.0, 2.0]);
    }

    #[test]
    fn an_axis_that_is_not_there_and_turned_bounds_are_told() {
        let refusal = |body: Value| constraint(&body).check(&parameter(&[2, 2], Layout::Dense)).unwrap_err();
        assert!(refusal(json!({"type": "max_norm", "axis": 2})).contains("[2, 2]"));
        assert!(refusal(json!({"type": "unit_norm", "axis": [0, -3]})).contains("-3"));
        assert!(refusal(json!({"type": "max_norm", "axis": [1, -1]})).contains("already"));
        assert!(refusal(json!({"type": "min_max_norm", "min_value": 3})).contains("max_value"));
    }
}
