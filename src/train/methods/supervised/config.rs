//! The fields of `training` for the method `supervised`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::super::cross_validation::CrossValidation;
use super::clipping::Clipping;
use super::early_stopping::EarlyStopping;
use super::rewrites::Rewrites;
use super::transfer::{ContinueFrom, InitializeFrom};
use super::weights::ClassWeight;
use crate::data::augmentation::Augmentation;
use crate::nn::losses::Loss;
use crate::nn::metrics::{Metric, Mode};
use crate::nn::optimizers::{Adam, Optimizer};
use crate::nn::schedules::ScheduledRate;
use crate::spec::dataset::DatasetRef;
use crate::spec::field::found;
use crate::spec::{
    Component, Epochs, Field, Fraction, ModelSpec, NonNegative, Pointer, Positive, Rate, Size, SpecErrors,
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
        /// A trained model whose weights training begins with.
        pub initialize_from: Option<InitializeFrom> = None,
        /// A finished job whose training goes on, with more `epochs`: as if they had been asked for at once.
        pub continue_from: Option<ContinueFrom> = None,
        /// Trains and validates on folds of the training part, one after another, before it trains on all of it.
        pub cross_validation: Option<CrossValidation> = None,
        /// Passes over the training part.
        pub epochs: Epochs = Epochs::clamped(1),
        /// Ends training when a metric no longer improves.
        pub early_stopping: Option<EarlyStoppingSpec> = None,
        /// Keeps gradients within bounds.
        pub gradient_clipping: Option<ClippingSpec> = None,
        /// Batches whose gradients make up one step: their examples together are as one batch, in the memory of one of them.
        /// Wherever steps are counted it is these.
        pub gradient_accumulation: Size = Size::clamped(1),
        /// Keeps a moving mean of the weights, which validation, test and the model take.
        pub weight_average: Option<WeightAverage> = None,
        /// What the examples of each class count in the loss: `"balanced"` (all examples over the class's, by the number of
        /// classes), or an object of numbers by class, 1 where a class is absent.
        pub class_weight: Option<ClassWeight> = None,
        /// A column of numbers that says what each example counts in the training loss, beside its class's weight; it is then
        /// no input. The sum over a batch is divided by its examples, not by their weights, and what is held out is not
        /// weighted, nor are metrics.
        pub sample_weight: Option<String> = None,
        /// What is done to the network so that it runs faster.
        pub rewrites: Rewrites = Rewrites::default(),
    }
}

crate::record! {
    /// An exponential moving mean of the weights, behind every step `mean ← momentum · mean + (1 − momentum) · weights`
    /// (Polyak and Juditsky, *Acceleration of Stochastic Approximation by Averaging*, 1992, in Keras's form, `use_ema`). What
    /// no gradient changes is taken as it is.
    pub struct WeightAverage {
        /// How much of the mean stays at a step.
        pub momentum: Fraction = Fraction::literal(0.99),
    }
}

pub(crate) fn default_optimizer() -> Optimizer {
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
        pub mode: Mode = Mode::Auto,
        /// Whether the model is the best epoch's instead of the last one's.
        pub restore_best: bool = false,
    }
}

impl EarlyStoppingSpec {
    /// The rule with its mode settled; `by_metric` tells whether the monitored series is better when it is greater.
    pub(super) fn rule(&self, by_metric: bool) -> EarlyStopping {
        EarlyStopping {
            monitor: self.monitor.clone(),
            patience: self.patience.get(),
            min_delta: self.min_delta.get(),
            greater_is_better: self.mode.greater_is_better(by_metric),
            restore_best: self.restore_best,
        }
    }
}

/// `{"norm": 1.0}`: all gradients together, scaled (Keras's `global_clipnorm`); `{"norm_per_parameter": 1.0}`: the
/// gradient of each parameter, scaled (`clipnorm`); `{"value": 0.5}`: each element, cut (`clipvalue`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClippingSpec(pub Clipping);

/// What may be bounded.
const WORDS: &[&str] = &["norm", "norm_per_parameter", "value"];

impl Field for ClippingSpec {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(members) = value.as_object() else {
            errors.push(at, format!("must be an object such as {{\"norm\": 1.0}}, not {}", found(value)));
            return None;
        };
        crate::spec::record::refuse_unknown(members, WORDS, &[], at, "gradient_clipping", errors);
        let mut said = WORDS.iter().filter_map(|word| Some((*word, members.get(*word)?)));
        let (Some((word, bound)), None) = (said.next(), said.next()) else {
            errors.push(at, "must have one of \"norm\", \"norm_per_parameter\" and \"value\"");
            return None;
        };
        let bound = Positive::read(bound, &at.key(word), errors)?.get();
        Some(Self(match word {
            "norm" => Clipping::Norm(bound),
            "norm_per_parameter" => Clipping::NormPerParameter(bound),
            _ => Clipping::Value(bound),
        }))
    }

    fn write(&self) -> Value {
        match self.0 {
            Clipping::Norm(norm) => json!({"norm": norm}),
            Clipping::NormPerParameter(norm) => json!({"norm_per_parameter": norm}),
            Clipping::Value(value) => json!({"value": value}),
        }
    }

    fn schema() -> Value {
        let one = |member: &str| json!({"type": "object", "properties": {member: Positive::schema()}, "required": [member], "additionalProperties": false});
        json!({"anyOf": WORDS.iter().map(|word| one(word)).collect::<Vec<_>>()})
    }
}
