use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Nought everywhere.
    pub struct Zeros {}
}

impl InitializerConfig for Zeros {
    fn fill(&self, parameter: &ParameterSpec, _draws: Draws) -> Vec<f32> {
        vec![0.0; parameter.elements() as usize]
    }
}
