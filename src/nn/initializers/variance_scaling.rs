use super::{InitializerConfig, ParameterSpec, truncated_normal, uniform};
use crate::random::Draws;
use crate::spec::Positive;

crate::choices! {
    /// What a variance is divided by: the values that flow into one output, out of one input, or the mean of both.
    pub enum Mode { Inwards = "fan_in", Outwards = "fan_out", Average = "fan_avg" }
}

crate::choices! {
    /// The form of a distribution.
    pub enum Distribution {
        TruncatedNormal = "truncated_normal",
        UntruncatedNormal = "untruncated_normal",
        Uniform = "uniform",
    }
}

crate::record! {
    /// Draws with the variance `scale / n`, n by `mode`, so that a layer's outputs vary as much as its inputs do. The
    /// normal that is cut off at two deviations is widened, so that its variance is that all the same. The other
    /// initialisers of its kind are cases of it: `glorot_normal` is `fan_avg`, `he_uniform` has the scale 2.
    pub struct VarianceScaling {
        /// What the variance is a multiple of.
        pub scale: Positive = Positive::literal(1.0),
        /// What it is divided by.
        pub mode: Mode = Mode::Inwards,
        /// The form of the distribution.
        pub distribution: Distribution = Distribution::TruncatedNormal,
    }
}

/// The deviation of a standard normal that is cut off at two deviations.
pub(super) const CUT_DEVIATION: f64 = 0.879_625_661_034_239_8;

impl VarianceScaling {
    /// A case of it, with a name of its own.
    pub(super) const fn case(scale: f64, mode: Mode, distribution: Distribution) -> Self {
        Self { scale: Positive::literal(scale), mode, distribution }
    }

    fn variance(&self, parameter: &ParameterSpec) -> f64 {
        let (fan_in, fan_out) = (parameter.fan_in as f64, parameter.fan_out as f64);
        let fan = match self.mode {
            Mode::Inwards => fan_in,
            Mode::Outwards => fan_out,
            Mode::Average => f64::midpoint(fan_in, fan_out),
        };
        self.scale.get() / fan.max(1.0)
    }
}

impl InitializerConfig for VarianceScaling {
    fn fill(&self, parameter: &ParameterSpec, draws: Draws) -> Vec<f32> {
        let variance = self.variance(parameter);
        match self.distribution {
            Distribution::TruncatedNormal => {
                truncated_normal(parameter, draws, 0.0, variance.sqrt() / CUT_DEVIATION)
            }
            Distribution::UntruncatedNormal => super::normal(parameter, draws, 0.0, variance.sqrt()),
            Distribution::Uniform => {
                let limit = (3.0 * variance).sqrt();
                uniform(parameter, draws, -limit, limit)
            }
        }
    }
}
