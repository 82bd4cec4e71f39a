use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;
use crate::spec::Finite;

crate::record! {
    /// Uniform between two bounds.
    pub struct RandomUniform {
        /// The least value.
        pub minval: Finite = Finite::literal(-0.05),
        /// The greatest.
        pub maxval: Finite = Finite::literal(0.05),
    }
}

impl InitializerConfig for RandomUniform {
    fn check(&self, _parameter: &ParameterSpec) -> Result<(), String> {
        let (least, most) = (self.minval.get(), self.maxval.get());
        if least > most {
            Err(format!("minval is {least} and maxval {most}: turn them round"))
        } else {
            Ok(())
        }
    }

    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        super::uniform(parameter, draws, self.minval.get(), self.maxval.get())
    }
}
