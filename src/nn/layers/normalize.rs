//! What normalisations share: a factor gamma and an offset beta for each channel.

use tch::Tensor;

use super::parameter::Said;
use super::{FieldError, Forward, Inferred, features, product, single};
use crate::nn::Pass;
use crate::nn::initializers::{Layout, ParameterSpec};
use crate::spec::Shape;

/// Which of the two there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Affine {
    pub(super) scale: bool,
    pub(super) center: bool,
}

impl Affine {
    /// Their parameters, gamma first.
    pub(super) fn parameters(
        self,
        gamma: &Said<'_>,
        beta: &Said<'_>,
        channels: u64,
    ) -> Result<Vec<ParameterSpec>, FieldError> {
        let wanted = [(self.scale, gamma), (self.center, beta)].into_iter().filter(|(wanted, _)| *wanted);
        wanted.map(|(_, said)| said.parameter(&[channels], Layout::Same, (channels, channels))).collect()
    }

    /// Gamma and beta among what [`parameters`](Self::parameters) asked for, and what stands behind them.
    pub(super) fn split(self, parameters: &[Tensor]) -> (Option<Tensor>, Option<Tensor>, &[Tensor]) {
        let (gamma, rest) = parameters.split_at(usize::from(self.scale));
        let (beta, rest) = rest.split_at(usize::from(self.center));
        (gamma.first().map(Tensor::shallow_clone), beta.first().map(Tensor::shallow_clone), rest)
    }
}

/// The input and its channels.
pub(super) fn channels(inputs: &[Shape]) -> Result<(&Shape, u64), FieldError> {
    let input = single(inputs)?;
    let axis = features(input.len());
    let axis =
        axis.ok_or_else(|| FieldError::whole("takes at least one axis, and its input is a single number"))?;
    Ok((input, input[axis]))
}

/// A normalisation keeps the shape; `copies` of its values are left for the way back.
pub(super) fn infer(
    input: &Shape,
    parameters: Vec<ParameterSpec>,
    copies: u64,
) -> Result<Inferred, FieldError> {
    let elements = product(input)?;
    let (flops, saved) = (elements.saturating_mul(8), elements.saturating_mul(copies));
    Ok(Inferred { output: input.clone(), parameters, flops, saved })
}

/// A batch of sequences with its channels on axis 1, as libtorch's kernels want them, and the way back; images have them
/// there.
fn channels_first(x: &Tensor) -> Tensor {
    if x.dim() == 3 { x.transpose(1, 2) } else { x.shallow_clone() }
}

/// Normalises each example's channels in groups, over the whole image or sequence.
pub(super) fn by_groups(
    groups: u64,
    epsilon: f64,
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
) -> Box<dyn Forward> {
    Box::new(ByGroups { groups: groups as i64, epsilon, gamma, beta })
}

struct ByGroups {
    groups: i64,
    epsilon: f64,
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
}

impl Forward for ByGroups {
    fn forward(&self, inputs: &[&Tensor], _pass: &Pass) -> Tensor {
        let x = channels_first(inputs[0]);
        // Of beta alone libtorch's kernel has no gradient.
        let ones = self.beta.as_ref().filter(|_| self.gamma.is_none()).map(Tensor::ones_like);
        let gamma = self.gamma.as_ref().or(ones.as_ref());
        let y = x.group_norm(self.groups, gamma, self.beta.as_ref(), self.epsilon, false);
        channels_first(&y)
    }
}
