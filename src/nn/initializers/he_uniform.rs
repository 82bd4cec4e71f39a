use super::variance_scaling::{Distribution, Mode, VarianceScaling};
use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Uniform between −limit and limit, `limit = √(6 / fan_in)` (He, Zhang, Ren and Sun, *Delving Deep into Rectifiers*,
    /// 2015).
    pub struct HeUniform {}
}

impl InitializerConfig for HeUniform {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        VarianceScaling::case(2.0, Mode::Inwards, Distribution::Uniform).fill(parameter, draws)
    }
}
