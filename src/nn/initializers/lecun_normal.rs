use super::variance_scaling::{Distribution, Mode, VarianceScaling};
use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Normal with the variance `1 / fan_in`, cut off at two deviations of the uncut distribution, as in Keras (LeCun,
    /// Bottou, Orr and Müller, *Efficient BackProp*, 1998; Klambauer and others, *Self-Normalizing Neural Networks*, 2017).
    pub struct LecunNormal {}
}

impl InitializerConfig for LecunNormal {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        VarianceScaling::case(1.0, Mode::Inwards, Distribution::TruncatedNormal).fill(parameter, draws)
    }
}
