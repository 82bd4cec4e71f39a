use super::ScheduleConfig;
use crate::nn::FieldError;
use crate::spec::{Count, LearningRate};

crate::record! {
    /// Constant between boundaries: `values[i]` up to and with step `boundaries[i]`, the last value behind the last boundary,
    /// as Keras's `PiecewiseConstantDecay`.
    pub struct Piecewise {
        /// Steps, each greater than the one before, such as `[1000, 2000]`.
        pub boundaries: Vec<Count>,
        /// The rates, such as `[0.1, 0.01, 0.001]`: one more than there are boundaries.
        pub values: Vec<LearningRate>,
    }
}

impl ScheduleConfig for Piecewise {
    fn at(&self, step: u64, _steps: u64) -> f64 {
        let place = self.boundaries.iter().filter(|boundary| step > boundary.get()).count();
        self.values.get(place).map_or(0.0, |rate| rate.get())
    }

    fn check(&self) -> Result<(), FieldError> {
        if self.values.len() != self.boundaries.len() + 1 {
            let (values, wanted) = (self.values.len(), self.boundaries.len() + 1);
            let detail = format!("must be one more than the boundaries, {wanted}, not {values}");
            return Err(FieldError::new("values", detail));
        }
        if self.boundaries.is_sorted_by(|one, next| one < next) {
            Ok(())
        } else {
            Err(FieldError::new("boundaries", "must be steps of which each is greater than the one before"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_has_its_steps() {
        let schedule = Piecewise {
            boundaries: [2, 5].map(Count::clamped).into(),
            values: [1.0, 0.5, 0.1].map(LearningRate::literal).into(),
        };
        let expect = |step, rate: f64| assert!((schedule.at(step, 1000) - rate).abs() < 1e-12, "step {step}");
        expect(0, 1.0);
        expect(2, 1.0);
        expect(3, 0.5);
        expect(5, 0.5);
        expect(6, 0.1);
        let short = Piecewise { values: vec![LearningRate::literal(1.0)], ..schedule.clone() };
        assert_eq!(short.check().unwrap_err().field, Some("values"));
        let turned = Piecewise { boundaries: [5, 2].map(Count::clamped).into(), ..schedule };
        assert_eq!(turned.check().unwrap_err().field, Some("boundaries"));
    }
}
