//! The fields of `training` for the method `supervised`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::clipping::Clipping;
use super::early_stopping::{EarlyStopping, Mode};
use crate::data::augmentation::Augmentation;
use crate::nn::losses::Loss;
use crate::nn::metrics::Metric;
use crate::nn::optimizers::{Adam, Optimizer};
use crate::nn::schedules::ScheduledRate;
use crate::spec::dataset::DatasetRef;
use crate::spec::field::found;
use crate::spec::{
    Component, Epochs, Field, ModelSpec, NonNegative, Pointer, Positive, Rate, Size, SpecErrors,
};

crate::record! {
    /// Training on examples with known answers: mini-batches in a shuffled order, a loss made small by an optimiser.
    pub struct Supervised {
        /// What is learned from.
        pub dataset: DatasetRef,
        /// The network; its input shapes come from the data set.
        pub model: ModelSpec,
        /// What is made small; with several targets an object of losses by target.
        pub loss: Losses,
        /// With several targets, what each loss counts; 1 where a target is absent.
        pub loss_weights: Option<BTreeMap<String, NonNegative>> = None,
        /// How it is made small; Adam where it is absent, where Keras takes `rmsprop`.
        pub optimizer: Optimizer = default_optimizer(),
        /// What is measured beside the loss.
        pub metrics: Vec<Metric> = Vec::new(),
        /// What is done at random to the images of the training part, in this order.
        pub augmentation: Vec<Augmentation> = Vec::new(),
        /// Examples in a step; more than there are means all of them.
        pub batch_size: Size = Size::clamped(32),
        /// Passes over the training part.
        pub epochs: Epochs = Epochs::clamped(1),
        /// Ends training when a metric no longer improves.
        pub early_stopping: Option<EarlyStoppingSpec> = None,
        /// Keeps gradients within bounds.
        pub gradient_clipping: Option<ClippingSpec> = None,
    }
}

fn default_optimizer() -> Optimizer {
    Adam {
        learning_rate: ScheduledRate::constant(0.001),
        beta_1: Rate::literal(0.9),
        beta_2: Rate::literal(0.999),
        epsilon: Positive::literal(1e-8),
        weight_decay: NonNegative::literal(0.0),
        amsgrad: false,
    }
    .into()
}

/// One loss, or one by target.
#[derive(Clone, Debug, PartialEq)]
pub enum Losses {
    One(Loss),
    /// In the order of the body.
    ByTarget(Vec<(String, Loss)>),
}

impl Field for Losses {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value.as_object() {
            Some(members) if !members.contains_key("type") && !members.is_empty() => {
                let read: Vec<Option<(String, Loss)>> = members
                    .iter()
                    .map(|(target, loss)| {
                        let component = Component::read(loss, "type", &at.key(target), errors)?;
                        Some((target.clone(), Loss::from_component(&component, &[], errors)?))
                    })
                    .collect();
                read.into_iter().collect::<Option<_>>().map(Self::ByTarget)
            }
            _ => Loss::read(value, at, errors).map(Self::One),
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::One(loss) => loss.write(),
            Self::ByTarget(losses) => losses
                .iter()
                .map(|(target, loss)| (target.clone(), loss.write()))
                .collect::<Map<_, _>>()
                .into(),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [Loss::schema(), {
            "type": "object", "additionalProperties": Loss::schema(), "minProperties": 1,
            "not": {"required": ["type"]}}]})
    }
}

crate::record! {
    /// Ends training when a metric has not improved for some epochs.
    pub struct EarlyStoppingSpec {
        /// The series that is watched.
        pub monitor: String = "val_loss".into(),
        /// Epochs without improvement after which training ends.
        pub patience: Epochs = Epochs::clamped(0),
        /// What counts as an improvement, at least.
        pub min_delta: NonNegative = NonNegative::literal(0.0),
        /// Whether less is better (`min`) or more (`max`); `auto` tells by the metric.
        pub mode: ModeSpec = ModeSpec::Auto,
        /// Whether the model is the best epoch's instead of the last one's.
        pub restore_best: bool = false,
    }
}

crate::choices! {
    /// Which way a metric improves.
    pub enum ModeSpec { Auto = "auto", Min = "min", Max = "max" }
}

impl EarlyStoppingSpec {
    /// The rule with its mode settled.
    pub(super) fn rule(&self) -> EarlyStopping {
        let more_is_better = self.monitor.ends_with("accuracy");
        let mode = match self.mode {
            ModeSpec::Max => Mode::Max,
            ModeSpec::Auto if more_is_better => Mode::Max,
            ModeSpec::Auto | ModeSpec::Min => Mode::Min,
        };
        EarlyStopping {
            monitor: self.monitor.clone(),
            patience: self.patience.get(),
            min_delta: self.min_delta.get(),
            mode,
            restore_best: self.restore_best,
        }
    }
}

/// `{"norm": 1.0}`: all gradients together, scaled; `{"value": 0.5}`: each element, cut.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClippingSpec(pub Clipping);

impl Field for ClippingSpec {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(members) = value.as_object() else {
            errors.push(at, format!("must be an object such as {{\"norm\": 1.0}}, not {}", found(value)));
            return None;
        };
        crate::spec::record::refuse_unknown(
            members,
            &["norm", "value"],
            &[],
            at,
            "gradient_clipping",
            errors,
        );
        match (members.get("norm"), members.get("value")) {
            (Some(norm), None) => {
                Positive::read(norm, &at.key("norm"), errors).map(|norm| Clipping::Norm(norm.get()))
            }
            (None, Some(value)) => {
                Positive::read(value, &at.key("value"), errors).map(|value| Clipping::Value(value.get()))
            }
            _ => {
                errors.push(at, "must have one of \"norm\" and \"value\"");
                None
            }
        }
        .map(Self)
    }

    fn write(&self) -> Value {
        match self.0 {
            Clipping::Norm(norm) => json!({"norm": norm}),
            Clipping::Value(value) => json!({"value": value}),
        }
    }

    fn schema() -> Value {
        let one = |member: &str| json!({"type": "object", "properties": {member: Positive::schema()}, "required": [member], "additionalProperties": false});
        json!({"anyOf": [one("norm"), one("value")]})
    }
}
