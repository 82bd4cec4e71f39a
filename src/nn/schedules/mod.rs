//! Schedules: the learning rate as a function of the step. One file each.

use serde_json::{Value, json};

use crate::nn::FieldError;
use crate::spec::{Component, Count, Field, LearningRate, Pointer, Record, SpecErrors};

pub use reduce_on_plateau::Plateau;

crate::components! {
    /// How the learning rate goes over a run.
    pub enum Schedule: dyn ScheduleConfig, "a schedule" {
        Constant, Cosine, CosineRestarts, Exponential, InverseTime, OneCycle, Piecewise, Polynomial, Step, ReduceOnPlateau
    }
}

/// What a schedule must say of itself.
pub trait ScheduleConfig {
    /// The learning rate of step `step`, counted from 0, of a run of `steps`; both behind the warm-up.
    fn at(&self, step: u64, steps: u64) -> f64;

    /// What is wrong with its fields beside each other.
    fn check(&self) -> Result<(), FieldError> {
        Ok(())
    }

    /// The schedule that listens to a series, where it is that one.
    fn plateau(&self) -> Option<&ReduceOnPlateau> {
        None
    }
}

crate::record! {
    /// What stands beside the fields of any schedule.
    pub struct WarmUp {
        /// Steps before the schedule begins in which the rate rises, in equal parts, from nought to the schedule's first.
        pub warmup_steps: Count = Count::clamped(0),
    }
}

/// A learning rate as a body writes it: a number, or a schedule in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduledRate {
    pub schedule: Schedule,
    pub warm_up: WarmUp,
}

impl ScheduledRate {
    /// The same rate for every step, for a default.
    pub(crate) fn constant(rate: f64) -> Self {
        Self::plain(LearningRate::literal(rate))
    }

    fn plain(learning_rate: LearningRate) -> Self {
        let warm_up = WarmUp { warmup_steps: Count::clamped(0) };
        Self { schedule: Constant { learning_rate }.into(), warm_up }
    }

    /// The learning rate of step `step`, counted from 0, of a run of `steps`.
    pub fn at(&self, step: u64, steps: u64, plateau: &Plateau) -> f64 {
        let warmup = self.warm_up.warmup_steps.get();
        let rate = self.schedule.at(step.saturating_sub(warmup), steps.saturating_sub(warmup));
        let rate = self.schedule.plateau().map_or(rate, |schedule| schedule.reduced(rate, plateau));
        if step < warmup { rate * (step + 1) as f64 / warmup as f64 } else { rate }
    }
}

impl Field for ScheduledRate {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        if !value.is_string() && !value.is_object() {
            return LearningRate::read(value, at, errors).map(Self::plain);
        }
        let component = Component::read(value, "type", at, errors)?;
        let schedule = Schedule::from_component(&component, WarmUp::FIELD_NAMES, errors);
        let own = component.fields.iter().filter(|(name, _)| WarmUp::FIELD_NAMES.contains(&name.as_str()));
        let own = own.map(|(name, value)| (name.clone(), value.clone())).collect();
        let warm_up = WarmUp::read_fields(&own, at, &component.kind, &[], errors)?;
        let schedule = schedule?;
        if let Err(error) = schedule.check() {
            errors.push(&error.field.map_or(at.clone(), |field| at.key(field)), error.detail);
            return None;
        }
        Some(Self { schedule, warm_up })
    }

    fn write(&self) -> Value {
        match &self.schedule {
            Schedule::Constant(constant) if self.warm_up.warmup_steps.get() == 0 => {
                constant.learning_rate.write()
            }
            schedule => {
                let mut members = schedule.write_component();
                members.extend(self.warm_up.write_fields());
                Value::Object(members)
            }
        }
    }

    /// Written once, since it stands in every optimiser.
    fn schema() -> Value {
        json!({"$ref": "#/components/schemas/LearningRate"})
    }
}

impl ScheduledRate {
    /// What `LearningRate` is in the contract.
    pub fn written_schema() -> Value {
        let mut schema = Schedule::schema();
        for choice in schema["anyOf"].as_array_mut().into_iter().flatten() {
            if let Some(properties) = choice["properties"].as_object_mut() {
                let common = WarmUp::schema()["properties"].as_object().cloned();
                properties.extend(common.unwrap_or_default());
            }
        }
        json!({"description": "A learning rate, or a schedule of it.", "anyOf": [LearningRate::schema(), schema]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_stands_for_a_constant() {
        let mut errors = SpecErrors::new();
        let rate = ScheduledRate::read(&json!(0.5), &Pointer::root(), &mut errors).unwrap();
        assert_eq!((rate.at(7, 10, &Plateau::default()), rate.write()), (0.5, json!(0.5)));
        for refused in
            [json!(0), json!(-1), json!(1e7), json!(true), json!({"type": "cosine"}), json!("linear")]
        {
            assert!(
                ScheduledRate::read(&refused, &Pointer::root(), &mut SpecErrors::new()).is_none(),
                "{refused}"
            );
        }
    }

    #[test]
    fn any_schedule_may_be_warmed_up() {
        let mut errors = SpecErrors::new();
        let body = json!({"type": "polynomial", "initial_learning_rate": 0.4, "end_learning_rate": 0.2, "warmup_steps": 4});
        let rate = ScheduledRate::read(&body, &Pointer::root(), &mut errors).unwrap();
        let rates = [0, 3, 4, 9, 14].map(|step| rate.at(step, 14, &Plateau::default()));
        for (rate, expected) in rates.into_iter().zip([0.1, 0.4, 0.4, 0.3, 0.2]) {
            assert!((rate - expected).abs() < 1e-12, "{rates:?}");
        }
        assert_eq!(ScheduledRate::read(&rate.write(), &Pointer::root(), &mut errors), Some(rate));
        let refused = json!({"type": "piecewise", "boundaries": [3], "values": [0.1], "warmup_step": 4});
        ScheduledRate::read(&refused, &Pointer::root(), &mut errors);
        insta::assert_snapshot!(errors.to_string(), @r#"
        /warmup_step: "warmup_step" is not a field of piecewise; did you mean "warmup_steps"?
        /values: must be one more than the boundaries, 2, not 1
        "#);
    }
}
