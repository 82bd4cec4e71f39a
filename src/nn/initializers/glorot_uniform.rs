use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Uniform between −limit and limit, `limit = √(6 / (fan_in + fan_out))` (Glorot and Bengio, *Understanding the
    /// difficulty of training deep feedforward neural networks*, 2010).
    pub struct GlorotUniform {}
}

impl InitializerConfig for GlorotUniform {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        let fans = (parameter.fan_in + parameter.fan_out).max(1) as f64;
        let limit = (6.0 / fans).sqrt() as f32;
        let mut values = vec![0.0; parameter.elements() as usize];
        draws.fill_uniform(&mut values);
        for value in &mut values {
            *value = (2.0 * *value - 1.0) * limit;
        }
        values
    }
}
