//! From a body to a proven plan: nothing runs that was not resolved here, and what was resolved here runs.

pub mod components;

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::methods::cross_validation::{self, CrossPlan};
use super::methods::learning_rate_finder::{self, FinderPlan};
use super::methods::supervised::{self, Context, Resolved, SupervisedPlan};
use super::parent::ParentModel;
use crate::data::Dataset;
use crate::nn::activations::Activation;
use crate::nn::constraints::Constraint;
use crate::nn::initializers::Initializer;
use crate::nn::layers::Layer;
use crate::nn::regularizers::Regularizer;
use crate::nn::schedules::ScheduledRate;
use crate::spec::{
    Block, CanonicalSpec, Component, ComponentInfo, Field, JobSpec, NodeName, NodeOptions, Outputs, Pointer,
    Record, Resources, Seed, SpecErrors,
};

/// Where data sets are found by name.
pub trait Catalog {
    /// The data set of that name, in that version or the latest.
    fn dataset(&self, name: &str, version: Option<u32>) -> Result<Arc<Dataset>, CatalogError>;

    /// The model of that name, in the version of that number or alias, or the latest.
    fn model(&self, name: &str, version: Option<&str>) -> Result<Arc<ParentModel>, CatalogError> {
        let _ = (name, version);
        Err(CatalogError::UnknownName(Vec::new()))
    }
}

/// Why a catalog has no data set or no model to give.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogError {
    /// None has that name; these are those there are.
    #[error("there is none of that name")]
    UnknownName(Vec<String>),
    #[error("there is no such version; the latest is {latest}")]
    UnknownVersion { latest: u32 },
    /// It exists, but cannot be opened now.
    #[error("what the job begins with cannot be opened: {0}")]
    Unavailable(String),
}

/// Why there is no plan.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PlanError {
    /// The body is wrong.
    #[error("{0}")]
    Refused(#[from] SpecErrors),
    /// The body may be right, but its data set cannot be opened now.
    #[error("{0}")]
    Unavailable(String),
}

/// A job that is proven to run: shapes agree, sizes fit, the data are there.
pub struct Plan {
    /// The canonical spec: every default written out, versions pinned, the seed drawn.
    pub spec: CanonicalSpec,
    pub method: Method,
    summary: Summary,
}

/// The training methods, each with what it resolved.
pub enum Method {
    Supervised(Box<SupervisedPlan>),
    CrossValidation(Box<CrossPlan>),
    LearningRateFinder(Box<FinderPlan>),
}

/// The names of the training methods.
pub const METHODS: &[&str] = &["supervised", "learning_rate_finder"];

/// Resolves `training` by its method. `None` where mistakes were noted.
fn resolve_method(
    training: &Component,
    context: &Context,
    catalog: &dyn Catalog,
    errors: &mut SpecErrors,
) -> Result<Option<Resolved<Method>>, PlanError> {
    fn into<Own>(resolved: Resolved<Own>, method: fn(Box<Own>) -> Method) -> Resolved<Method> {
        Resolved {
            plan: method(Box::new(resolved.plan)),
            summary: resolved.summary,
            training: resolved.training,
        }
    }
    match training.kind.as_str() {
        "supervised" if training.fields.get("cross_validation").is_some_and(|said| !said.is_null()) => {
            let resolved = cross_validation::resolve(training, context, catalog, errors)?;
            Ok(resolved.map(|resolved| into(resolved, Method::CrossValidation)))
        }
        "supervised" => {
            let resolved = supervised::resolve(training, context, catalog, errors)?;
            Ok(resolved.map(|resolved| into(resolved, Method::Supervised)))
        }
        "learning_rate_finder" => {
            let resolved = learning_rate_finder::resolve(training, context, catalog, errors)?;
            Ok(resolved.map(|resolved| into(resolved, Method::LearningRateFinder)))
        }
        _ => {
            training.refuse_name("method", "a training method", METHODS, errors);
            Ok(None)
        }
    }
}

/// What a plan tells of itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Summary {
    pub(crate) nodes: Vec<NodeSummary>,
    /// Greatest use of memory while training, in bytes, beyond what an idle worker holds.
    pub(crate) memory_bytes: u64,
    /// Of a step, forward and backward; a multiply-add counts as two.
    pub(crate) flops: u64,
    pub(crate) steps_per_epoch: u64,
    /// Name and nodes of each rewrite.
    pub(crate) rewrites: Vec<(&'static str, Vec<String>)>,
    pub(crate) warnings: Vec<String>,
}

/// A row of the table that Keras prints as `summary()`.
#[derive(Clone, Debug)]
pub(crate) struct NodeSummary {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) output_shape: Vec<u64>,
    pub(crate) parameters: u64,
    pub(crate) trainable: u64,
}

/// Where a model would stand, `/v2/models/stats` tells of all of them.
const NO_MODEL: &str = "stats";

/// What a run takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirements {
    pub threads: u32,
    pub memory_mb: u64,
    pub device: crate::spec::Device,
}

impl Plan {
    /// Resolves a posted body, all mistakes at once. A seed is drawn where there is none.
    pub fn resolve_body(body: &Value, catalog: &dyn Catalog) -> Result<Self, PlanError> {
        let mut errors = SpecErrors::new();
        let spec = JobSpec::read_body(body, &mut errors);
        if let Some(spec) = spec {
            if spec.model().as_str() == NO_MODEL {
                let field = if spec.model_name.is_some() { "model_name" } else { "name" };
                let detail =
                    format!("no model may be called \"{NO_MODEL}\": its address tells of all models");
                errors.push(&Pointer::root().key(field), detail);
            }
            return Self::resolve_into(spec, catalog, errors);
        }
        // The envelope is refused already; what its training says is still worth telling.
        let at = Pointer::root().key("training");
        if let Some(training) = body.get("training")
            && let Some(training) = crate::spec::Training::read(training, &at, &mut errors)
        {
            let context = Context { seed: 0, resources: &Resources::default() };
            resolve_method(&training.0, &context, catalog, &mut errors)?;
        }
        Err(errors.into())
    }

    /// Resolves a spec that was read already, such as a stored one.
    pub fn resolve(spec: &JobSpec, catalog: &dyn Catalog) -> Result<Self, PlanError> {
        Self::resolve_into(spec.clone(), catalog, SpecErrors::new())
    }

    fn resolve_into(
        mut spec: JobSpec,
        catalog: &dyn Catalog,
        mut errors: SpecErrors,
    ) -> Result<Self, PlanError> {
        let seed = match spec.seed {
            Some(seed) => seed,
            None => draw_seed()?,
        };
        spec.seed = Some(seed);
        spec.model_name.get_or_insert_with(|| spec.name.clone());
        // Its fields are replaced by what they mean, so that they need not stay.
        let stands = &mut spec.training.0;
        let training = Component { fields: std::mem::take(&mut stands.fields), ..stands.clone() };
        let context = Context { seed: seed.get(), resources: &spec.resources };
        let resolved = resolve_method(&training, &context, catalog, &mut errors)?;
        let resolved = errors.into_result(resolved)?;
        spec.training.0.fields = resolved.training;
        Ok(Self { spec: spec.into(), method: resolved.plan, summary: resolved.summary })
    }

    /// What `POST /v1/plans` answers.
    pub fn answer(&self) -> Value {
        let nodes: Vec<Value> = self.summary.nodes.iter().map(NodeSummary::write).collect();
        let rewrites: Vec<Value> =
            self.summary.rewrites.iter().map(|(name, nodes)| json!({"name": name, "nodes": nodes})).collect();
        let total = |count: fn(&NodeSummary) -> u64| self.summary.nodes.iter().map(count).sum::<u64>();
        json!({
            "nodes": nodes,
            "parameters": {"total": total(|node| node.parameters), "trainable": total(|node| node.trainable)},
            "step": {"memory_bytes": self.summary.memory_bytes, "flops": self.summary.flops},
            "steps_per_epoch": self.summary.steps_per_epoch,
            "rewrites": rewrites,
            "warnings": self.summary.warnings,
            "spec": self.spec.value(),
        })
    }

    pub fn requirements(&self) -> Requirements {
        let resources = &self.spec.resources;
        Requirements {
            threads: resources.threads.get(),
            memory_mb: resources.memory_mb.get(),
            device: resources.device,
        }
    }

    /// Greatest use of memory while training, in bytes, beyond what an idle worker holds.
    pub fn memory_bytes(&self) -> u64 {
        self.summary.memory_bytes
    }

    /// Epochs and steps of the whole job, for the progress of a job that has not begun.
    pub fn extent(&self) -> (u64, u64) {
        let plan = match &self.method {
            Method::CrossValidation(plan) => return (plan.epochs(), plan.steps()),
            Method::Supervised(plan) => plan,
            Method::LearningRateFinder(plan) => &plan.training,
        };
        (plan.epochs, plan.steps())
    }

    pub fn warnings(&self) -> &[String] {
        &self.summary.warnings
    }
}

/// The one draw that no seed stands behind.
fn draw_seed() -> Result<Seed, PlanError> {
    let drawn = getrandom::u64().map_err(|error| PlanError::Unavailable(error.to_string()))?;
    Ok(Seed::clamped(drawn % (Seed::MOST + 1)))
}

impl NodeSummary {
    fn write(&self) -> Value {
        json!({
            "name": self.name,
            "type": self.kind,
            "inputs": self.inputs,
            "output_shape": self.output_shape,
            "parameters": self.parameters,
            "trainable": self.trainable,
        })
    }
}

/// JSON Schema of `training`: any of the methods.
pub fn training_schema() -> Value {
    json!({"anyOf": [
        method_schema("supervised", &supervised::schema()),
        method_schema("learning_rate_finder", &learning_rate_finder::schema()),
    ]})
}

/// JSON Schema of an optimiser's `learning_rate`.
pub fn learning_rate_schema() -> Value {
    ScheduledRate::written_schema()
}

fn method_schema(method: &str, fields: &Value) -> Value {
    let mut schema = fields.clone();
    let mut properties = Map::new();
    properties.insert("method".into(), json!({"const": method}));
    if let Some(Value::Object(rest)) = fields.get("properties").cloned() {
        properties.extend(rest);
    }
    schema["properties"] = Value::Object(properties);
    let mut required = vec![json!("method")];
    if let Some(Value::Array(rest)) = fields.get("required").cloned() {
        required.extend(rest);
    }
    schema["required"] = Value::Array(required);
    schema
}

/// JSON Schemas of a network and of what it is made of, by name; `Network` is what a body's `model` holds.
pub fn network_schemas() -> Vec<(&'static str, Value)> {
    let list = |of: &str| json!({"type": "array", "minItems": 1, "maxItems": 10_000, "items": {"$ref": format!("#/components/schemas/{of}")}});
    let object = |member: &str| {
        let outputs = <Option<Outputs> as Field>::schema();
        json!({"type": "object", "required": [member], "additionalProperties": false,
               "properties": {member: list("Layer"), "outputs": outputs}})
    };
    let network = json!({
        "description": "A network: a sequence of layers, or a graph of nodes.",
        "anyOf": [object("layers"), object("nodes")],
    });
    let inputs =
        json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]});
    let options = NodeOptions::schema();
    let option = |name: &'static str| (name, options["properties"][name].clone());
    let mut members = vec![("name", NodeName::schema())];
    members.extend(NodeOptions::FIELD_NAMES.iter().map(|name| option(name)));
    let block =
        ComponentInfo { name: "block", documentation: Block::documentation(), fields: Block::fields() };
    let mut single = crate::spec::component::any_schema(&Layer::all());
    let mut layer = json!({"anyOf": [{"$ref": "#/components/schemas/SingleLayer"}, block.schema("type")]});
    members.push(("inputs", inputs));
    add_members(&mut single, &members);
    add_members(&mut layer, &members);
    single["description"] = json!("A layer that is no block.");
    layer["description"] =
        json!("A layer of a sequence, or a node of a graph, whose `inputs` name what it takes.");
    let numbers = json!({
        "description": "A number, or nested arrays of numbers.",
        "anyOf": [{"type": "number"}, {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/Numbers"}}],
    });
    let sets = [
        ("Activation", "An activation.", Activation::schema()),
        ("Initializer", "What a parameter holds at first.", Initializer::schema()),
        ("Regularizer", "A penalty that is added to the loss.", Regularizer::schema()),
        ("Constraint", "What is made to hold of a parameter behind each step.", Constraint::schema()),
    ];
    for (name, _, set) in &sets {
        refer(&mut single, name, set);
        refer(&mut layer, name, set);
    }
    let mut schemas = vec![
        ("Network", network),
        ("Layer", layer),
        ("SingleLayer", single),
        ("BlockedLayer", blocked_layer()),
        ("Numbers", numbers),
    ];
    schemas.extend(sets.into_iter().map(|(name, description, mut set)| {
        set["description"] = json!(description);
        (name, set)
    }));
    schemas
}

/// A layer in a block. Of a block in a block no more is said, since many who read schemas follow no circle.
fn blocked_layer() -> Value {
    let layer = json!({"anyOf": [{"type": "string"}, {"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}}}]});
    json!({
        "description": "A layer in a block, or another block.",
        "anyOf": [
            {"$ref": "#/components/schemas/SingleLayer"},
            {"type": "object", "required": ["type", "layers"],
             "properties": {"type": {"const": "block"}, "layers": {"type": "array", "minItems": 1, "items": layer}}},
        ],
    })
}

/// Puts a reference wherever the schema of a set of components stands, which dozens of layers have.
fn refer(schema: &mut Value, name: &str, set: &Value) {
    match schema {
        Value::Object(members) if members.get("anyOf") == Some(&set["anyOf"]) => {
            members.remove("anyOf");
            members.insert("$ref".into(), json!(format!("#/components/schemas/{name}")));
        }
        Value::Object(members) => members.values_mut().for_each(|member| refer(member, name, set)),
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, name, set)),
        _ => {}
    }
}

/// Adds what every node of a network has beside its layer's own fields.
fn add_members(schema: &mut Value, members: &[(&str, Value)]) {
    let choices = schema["anyOf"].as_array_mut().into_iter().flatten();
    for choice in choices.filter(|choice| choice["type"] == "object") {
        for (member, schema) in members {
            choice["properties"][*member] = schema.clone();
        }
    }
}
