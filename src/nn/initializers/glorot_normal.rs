use super::variance_scaling::{Distribution, Mode, VarianceScaling};
use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Normal with the variance `2 / (fan_in + fan_out)`, cut off at two deviations of the uncut distribution, as in Keras
    /// (Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks*, 2010).
    pub struct GlorotNormal {}
}

impl InitializerConfig for GlorotNormal {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        VarianceScaling::case(1.0, Mode::Average, Distribution::TruncatedNormal).fill(parameter, draws)
    }
}
