//! Schedules: the learning rate as a function of the step. One file each.

use serde_json::{Value, json};

use crate::spec::{Field, LearningRate, Pointer, SpecErrors};

crate::components! {
    /// How the learning rate goes over a run.
    pub enum Schedule: dyn ScheduleConfig, "a schedule" { Constant, Cosine }
}

/// What a schedule must say of itself.
pub trait ScheduleConfig {
    /// The learning rate of step `step`, counted from 0, of a run of `steps`.
    fn at(&self, step: u64, steps: u64) -> f64;
}

/// A learning rate as a body writes it: a number, or a schedule in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledRate(pub Schedule);

impl ScheduledRate {
    /// The same rate for every step, for a default.
    pub(crate) fn constant(rate: f64) -> Self {
        Self(Constant { learning_rate: LearningRate::literal(rate) }.into())
    }

    /// See [`ScheduleConfig::at`].
    pub fn at(&self, step: u64, steps: u64) -> f64 {
        self.0.at(step, steps)
    }
}

impl Field for ScheduledRate {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        if value.is_string() || value.is_object() {
            return Schedule::read(value, at, errors).map(Self);
        }
        let learning_rate = LearningRate::read(value, at, errors)?;
        Some(Self(Constant { learning_rate }.into()))
    }

    fn write(&self) -> Value {
        if let Schedule::Constant(constant) = &self.0 {
            constant.learning_rate.write()
        } else {
            self.0.write()
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [LearningRate::schema(), Schedule::schema()]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_a_constant() {
        let mut errors = SpecErrors::new();
        let rate = ScheduledRate::read(&json!(0.5), &Pointer::root(), &mut errors).unwrap();
        assert_eq!((rate.at(7, 10), rate.write()), (0.5, json!(0.5)));
        for refused in
            [json!(0), json!(-1), json!(1e7), json!(true), json!({"type": "cosine"}), json!("linear")]
        {
            assert!(
                ScheduledRate::read(&refused, &Pointer::root(), &mut SpecErrors::new()).is_none(),
                "{refused}"
            );
        }
    }
}
