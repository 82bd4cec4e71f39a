//! Keeps gradients within bounds before the optimiser sees them.

use tch::Tensor;

use crate::torch::ops;

/// How gradients are bounded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Clipping {
    /// All gradients together are scaled so that their global norm is at most this.
    Norm(f64),
    /// The gradient of each parameter is scaled so that its own norm is at most this.
    NormPerParameter(f64),
    /// Every element is brought within plus and minus this.
    Value(f64),
}

impl Clipping {
    /// Whether it looks at the global norm.
    pub(crate) fn wants_norm(self) -> bool {
        matches!(self, Self::Norm(_))
    }

    /// Bounds the gradients in place. `norm` is their global norm, where it is wanted. Nothing is read back from the device.
    pub(crate) fn apply(self, gradients: &mut [Tensor], norm: Option<&Tensor>) {
        match self {
            Self::Norm(most) => {
                if let Some(norm) = norm {
                    ops::scale(gradients, &scale(norm, most));
                }
            }
            Self::NormPerParameter(most) => {
                for gradient in gradients {
                    let norm = ops::global_norm(std::slice::from_ref(gradient));
                    ops::scale(std::slice::from_mut(gradient), &scale(&norm, most));
                }
            }
            Self::Value(most) => {
                for gradient in gradients {
                    let _ = gradient.clamp_(-most, most);
                }
            }
        }
    }
}

/// What brings a norm to `most`, or 1. As torch's `clip_grad_norm_`, whose 1e-6 keeps a gradient of nought from a division by
/// nought.
fn scale(norm: &Tensor, most: f64) -> Tensor {
    ((norm + 1e-6).reciprocal() * most).clamp_max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_gradient_is_scaled_and_a_short_one_left() {
        let mut gradients = [Tensor::from_slice(&[3.0_f32, 0.0]), Tensor::from_slice(&[4.0_f32])];
        let norm = ops::global_norm(&gradients);
        assert!((norm.double_value(&[]) - 5.0).abs() < 1e-6);
        Clipping::Norm(10.0).apply(&mut gradients, Some(&norm));
        assert_eq!(gradients[1].double_value(&[0]), 4.0);
        Clipping::Norm(1.0).apply(&mut gradients, Some(&norm));
        assert!((gradients[0].double_value(&[0]) - 0.6).abs() < 1e-6);
        assert!((gradients[1].double_value(&[0]) - 0.8).abs() < 1e-6);
    }

    #[test]
    fn elements_are_brought_within_bounds() {
        let mut gradients = [Tensor::from_slice(&[3.0_f32, -0.5, -7.0])];
        Clipping::Value(1.0).apply(&mut gradients, None);
        assert_eq!(Vec::<f32>::try_from(&gradients[0]).unwrap(), [1.0, -0.5, -1.0]);
    }

    #[test]
    fn each_parameter_has_its_own_norm() {
        let mut gradients = [Tensor::from_slice(&[3.0_f32, 4.0]), Tensor::from_slice(&[0.5_f32])];
        Clipping::NormPerParameter(1.0).apply(&mut gradients, None);
        assert!((gradients[0].double_value(&[0]) - 0.6).abs() < 1e-6);
        assert_eq!(gradients[1].double_value(&[0]), 0.5);
    }
}
