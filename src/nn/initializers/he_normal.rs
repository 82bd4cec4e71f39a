use super::variance_scaling::CUT_DEVIATION;
use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;

crate::record! {
    /// Normal with the variance `2 / fan_in`, cut off at two deviations of the uncut distribution, as in Keras (He,
    /// Zhang, Ren and Sun, *Delving Deep into Rectifiers*, 2015).
    pub struct HeNormal {}
}

impl InitializerConfig for HeNormal {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        let deviation = ((2.0 / parameter.fan_in.max(1) as f64).sqrt() / CUT_DEVIATION) as f32;
        let mut values = vec![0.0; parameter.elements() as usize];
        draws.fill_truncated_normal(2.0, &mut values);
        for value in &mut values {
            *value *= deviation;
        }
        values
    }
}
