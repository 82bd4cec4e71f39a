use super::variance_scaling::{Distribution, Mode, VarianceScaling};
use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Uniform between −limit and limit, `limit = √(3 / fan_in)` (LeCun, Bottou, Orr and Müller, *Efficient BackProp*,
    /// 1998).
    pub struct LecunUniform {}
}

impl InitializerConfig for LecunUniform {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        VarianceScaling::case(1.0, Mode::Inwards, Distribution::Uniform).fill(parameter, draws)
    }
}
