use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// One everywhere.
    pub struct Ones {}
}

impl InitializerConfig for Ones {
    fn fill(&self, parameter: &ParameterSpec, _draws: Draws) -> Vec<f32> {
        vec![1.0; parameter.elements() as usize]
    }
}
