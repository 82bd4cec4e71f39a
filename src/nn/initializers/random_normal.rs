use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;
use crate::spec::{Finite, NonNegative};

crate::record! {
    /// Normal.
    pub struct RandomNormal {
        /// Its mean.
        pub mean: Finite = Finite::literal(0.0),
        /// Its deviation.
        pub stddev: NonNegative = NonNegative::literal(0.05),
    }
}

impl InitializerConfig for RandomNormal {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        super::normal(parameter, draws, self.mean.get(), self.stddev.get())
    }
}
