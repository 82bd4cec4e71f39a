use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;
use crate::spec::Finite;

crate::record! {
    /// `gain` on the diagonal of a matrix and nought elsewhere: a dense layer that gives its input on.
    pub struct Identity {
        /// What stands on the diagonal.
        pub gain: Finite = Finite::literal(1.0),
    }
}

impl InitializerConfig for Identity {
    fn check(&self, parameter: &ParameterSpec) -> Result<(), String> {
        if parameter.shape.len() == 2 {
            return Ok(());
        }
        let shape = parameter.documented();
        Err(format!("identity is for matrices, and the {} has the shape {shape:?}", parameter.name))
    }

    fn fill(&self, parameter: &ParameterSpec, _draws: Draws) -> Vec<f32> {
        let columns = parameter.shape.last().copied().unwrap_or(1).max(1) as usize;
        let mut values = vec![0.0; parameter.elements() as usize];
        for (row, values) in values.chunks_mut(columns).enumerate() {
            if let Some(value) = values.get_mut(row) {
                *value = self.gain.get() as f32;
            }
        }
        values
    }
}
