use super::{InitializerConfig, ParameterSpec};
use crate::random::Draws;
use crate::spec::{Finite, NonNegative};

crate::record! {
    /// Normal, cut off at two deviations: what lies beyond is drawn anew.
    pub struct TruncatedNormal {
        /// Its mean.
        pub mean: Finite = Finite::literal(0.0),
        /// Its deviation before it is cut off.
        pub stddev: NonNegative = NonNegative::literal(0.05),
    }
}

impl InitializerConfig for TruncatedNormal {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        super::truncated_normal(parameter, draws, self.mean.get(), self.stddev.get())
    }
}
