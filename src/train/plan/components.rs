//! Every registered component, for those that list them: documentation, editors, forms.

use serde_json::{Value, json};

use super::METHODS;
use crate::data::augmentation::Augmentation;
use crate::data::transforms::Transform;
use crate::nn::activations::Activation;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::Initializer;
use crate::nn::layers::Plain;
use crate::nn::losses::Loss;
use crate::nn::metrics::Metric;
use crate::nn::optimizers::Optimizer;
use crate::nn::regularizers::Regularizer;
use crate::nn::schedules::Schedule;
use crate::spec::{Block, ComponentInfo, Record};

/// The components that may stand at one kind of place.
pub struct Registry {
    /// Of one of them.
    pub kind: &'static str,
    /// A heading over all of them.
    pub title: &'static str,
    pub components: Vec<ComponentInfo>,
}

/// All of them, each kind in the order of its declaration.
pub fn registries() -> Vec<Registry> {
    let registry = |kind, title, components| Registry { kind, title, components };
    let block =
        ComponentInfo { name: "block", documentation: Block::documentation(), fields: Block::fields() };
    vec![
        registry("layer", "Layers", Plain::all()),
        registry("block", "Blocks of layers, which stand in the place of one", vec![block]),
        registry("activation", "Activations, which are layers too", Activation::all()),
        registry("initializer", "Initialisers", Initializer::all()),
        registry("regularizer", "Regularisers", Regularizer::all()),
        registry("constraint", "Constraints", Constraint::all()),
        registry("loss", "Losses", Loss::all()),
        registry("optimizer", "Optimisers", Optimizer::all()),
        registry("schedule", "Schedules, in place of a `learning_rate`", Schedule::all()),
        registry("metric", "Metrics", Metric::all()),
        registry("transform", "Transforms of columns", Transform::all()),
        registry("augmentation", "Augmentation, at random while training", Augmentation::all()),
    ]
}

/// The same as data. `kind` asks for one kind alone; `None` where there is no such kind.
pub fn listed(kind: Option<&str>) -> Option<Value> {
    let registries: Vec<Registry> =
        registries().into_iter().filter(|registry| kind.is_none_or(|kind| kind == registry.kind)).collect();
    let told = |registry: &Registry| {
        let tell = |component: &ComponentInfo| {
            json!({
                "kind": registry.kind,
                "name": component.name,
                "documentation": component.documentation,
                "schema": component.schema("type"),
                "example": component.example("type"),
            })
        };
        registry.components.iter().map(tell).collect::<Vec<_>>()
    };
    let data: Vec<Value> = registries.iter().flat_map(told).collect();
    (!data.is_empty()).then(|| json!({"data": data, "methods": METHODS}))
}
