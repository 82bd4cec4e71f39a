//! From the fields of `training` to a [`SupervisedPlan`], every mistake noted at the field that the user would change.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::config::{EarlyStoppingSpec, Losses, Supervised};
use super::footprint::Footprint;
use super::network::{Head, resolve_network};
use super::objectives::{Target, check_metrics, fit_objectives, series, targets};
use super::parts::Parts;
use super::plan::{Objective, SupervisedPlan};
use crate::data::transforms::Transform;
use crate::data::{Columns, Dataset, Preprocessing, check_parts, resolve_columns};
use crate::nn::layers::Layer;
use crate::nn::metrics::Metric;
use crate::spec::dataset::{DatasetRef, Holdout, Input, Transforms};
use crate::spec::field::did_you_mean;
use crate::spec::{
    Component, Epochs, Field, ModelSpec, NODE_MEMBERS, Name, Pointer, Record, Resources, SpecErrors, Version,
};
use crate::train::plan::{Catalog, CatalogError, PlanError, Summary};

/// The most steps that a job may take.
const MOST_STEPS: u64 = 1_000_000_000;

/// What the method knows of its job.
pub(crate) struct Context<'a> {
    pub(crate) seed: u64,
    pub(crate) resources: &'a Resources,
}

/// A method's plan with what is told of it.
pub(crate) struct Resolved {
    pub(crate) plan: SupervisedPlan,
    pub(crate) summary: Summary,
    /// The canonical members of `training`.
    pub(crate) training: Map<String, Value>,
}

/// The members of the body that could be read; the rest is noted.
struct Members {
    whole: Option<Supervised>,
    dataset: Option<DatasetRef>,
    model: Option<ModelSpec>,
    losses: Option<Losses>,
    metrics: Option<Vec<Metric>>,
    early_stopping: Option<EarlyStoppingSpec>,
}

/// What is known of the data: needed for shapes, targets and steps.
struct Data {
    dataset: Arc<Dataset>,
    columns: Columns,
    reference: DatasetRef,
}

/// Resolves the fields of `training`. `None` where mistakes were noted.
pub(crate) fn resolve(
    training: &Component,
    context: &Context,
    catalog: &dyn Catalog,
    errors: &mut SpecErrors,
) -> Result<Option<Resolved>, PlanError> {
    let at = &training.pointer;
    let members = read_members(training, errors);
    let data = find_data(training, &members, catalog, errors)?;
    let targets = match (&data, &members.losses) {
        (Some(data), Some(losses)) => {
            targets(&data.dataset, &data.columns, &data.reference, losses, &at.key("loss"), errors)
        }
        _ => None,
    };
    let (parts, preprocessing) = match &data {
        Some(data) => prepare(data, targets.as_deref(), context.seed, &at.key("dataset"), errors),
        None => (None, None),
    };
    let inputs = input_names(data.as_ref(), members.dataset.as_ref());
    let mut network = members.model.as_ref().map(|model| {
        let head = Head { targets: targets.as_deref() };
        resolve_network(model, &inputs, preprocessing.as_ref(), &head, errors)
    });
    let objectives = match (&mut network, &members.model, targets) {
        (Some(network), Some(model), Some(targets)) => {
            fit_objectives(network, model, targets, members.whole.as_ref(), at, errors)
        }
        _ => None,
    };
    if let (Some(metrics), Some(objectives)) = (&members.metrics, &objectives) {
        check_metrics(metrics, objectives, &at.key("metrics"), errors);
    }
    let monitor = unmeasured_monitor(&members);
    let (Some(whole), Some(data), Some(parts), Some(preprocessing), Some(network), Some(mut objectives)) =
        (members.whole, data, parts, preprocessing, network, objectives)
    else {
        if let Some(monitor) = monitor {
            refuse_monitor(&monitor, NO_VALIDATION, at, errors);
        }
        return Ok(None);
    };
    let batch = whole.batch_size.get().min(parts.counts.train.max(1));
    let steps_per_epoch = parts.counts.train.div_ceil(batch);
    check_steps(whole.epochs, steps_per_epoch, at, errors);
    super::objectives::assign_metrics(&whole.metrics, &mut objectives);
    transform_targets(&mut objectives, &data, &parts, errors);
    super::augmentation::check(&whole.augmentation, &data.dataset, &data.columns, &objectives, at, errors);
    check_monitor(&whole, &series(&objectives, parts.counts.validation > 0), at, errors);
    if errors.is_empty() && whole.epochs.get() > 0 && network.trainable() == 0 {
        errors.push(
            &at.key("model"),
            "the network has no parameters to train; \"epochs\": 0 takes it as it is",
        );
    }
    let limit = context.resources.memory_mb.get() << 20;
    let footprint = Footprint::new(&whole, batch, network.loads())
        .with_evaluation(network.example_bytes(), network.input_elements(), &parts.counts)
        .with_data(&data.dataset, &preprocessing.0, &objectives, &parts.counts, limit);
    network.check_memory(&footprint, context.resources, errors);
    if !errors.is_empty() {
        return Ok(None);
    }
    let mut summary = network.summary(&objectives);
    summary.memory_bytes = footprint.total();
    summary.flops = network.flops().saturating_mul(3).saturating_mul(batch);
    summary.steps_per_epoch = steps_per_epoch;
    summary.warnings = [parts.counts.warnings.as_slice(), network.warnings.as_slice()].concat();
    summary.warnings.extend(preprocessing.1);
    let training = canonical(&whole, &data, &network);
    let plan = SupervisedPlan {
        dataset: data.dataset,
        parts,
        preprocessing: preprocessing.0,
        example_bytes: network.example_bytes(),
        network: network.into_plan()?,
        objectives,
        optimizer: whole.optimizer.clone(),
        augmentation: whole.augmentation.clone(),
        gradient_clipping: whole.gradient_clipping.map(|clipping| clipping.0),
        early_stopping: whole.early_stopping.as_ref().map(EarlyStoppingSpec::rule),
        batch_size: batch,
        epochs: whole.epochs.get(),
    };
    Ok(Some(Resolved { plan, summary, training }))
}

/// Reads the whole; where it is refused, reads the members one by one, so that what follows from each can be checked.
fn read_members(training: &Component, errors: &mut SpecErrors) -> Members {
    let at = &training.pointer;
    let whole = Supervised::read_fields(&training.fields, at, "supervised", &["method"], errors);
    if let Some(whole) = whole {
        return Members {
            dataset: Some(whole.dataset.clone()),
            model: Some(whole.model.clone()),
            losses: Some(whole.loss.clone()),
            metrics: Some(whole.metrics.clone()),
            early_stopping: whole.early_stopping.clone(),
            whole: Some(whole),
        };
    }
    let members = Members {
        whole: None,
        dataset: member(training, "dataset", errors),
        model: member(training, "model", errors),
        losses: member(training, "loss", errors),
        metrics: member(training, "metrics", errors),
        early_stopping: member::<Option<EarlyStoppingSpec>>(training, "early_stopping", errors).flatten(),
    };
    if members.model.is_none() {
        check_layers(training, errors);
    }
    members
}

fn member<T: Field>(training: &Component, name: &str, errors: &mut SpecErrors) -> Option<T> {
    T::read(training.fields.get(name)?, &training.pointer.key(name), errors)
}

/// Checks the layers of a model that is refused as a whole, each for itself.
fn check_layers(training: &Component, errors: &mut SpecErrors) {
    let Some(model) = training.fields.get("model") else { return };
    for member in ["layers", "nodes"] {
        let at = training.pointer.key("model").key(member);
        for (index, node) in model.get(member).and_then(Value::as_array).into_iter().flatten().enumerate() {
            if let Some(component) = Component::read(node, "type", &at.index(index), errors) {
                Layer::from_component(&component, &NODE_MEMBERS, errors);
            }
        }
    }
}

/// Opens the data set and finds its columns. The name is looked up even where the rest of the reference is refused.
fn find_data(
    training: &Component,
    members: &Members,
    catalog: &dyn Catalog,
    errors: &mut SpecErrors,
) -> Result<Option<Data>, PlanError> {
    let at = training.pointer.key("dataset");
    let Some(said) = training.fields.get("dataset").and_then(Value::as_object) else { return Ok(None) };
    let mut noted = SpecErrors::new();
    let name = said.get("name").and_then(|name| Name::read(name, &at, &mut noted));
    let version = said.get("version").and_then(|version| Option::<Version>::read(version, &at, &mut noted));
    let (Some(name), true) = (name, noted.is_empty()) else { return Ok(None) };
    let dataset = match catalog.dataset(name.as_str(), version.flatten().map(Version::get)) {
        Ok(dataset) => dataset,
        Err(CatalogError::UnknownName(names)) => {
            let hint = did_you_mean(name.as_str(), names.iter().map(String::as_str));
            let hint = if hint.is_empty() && !names.is_empty() && names.len() <= 10 {
                format!("; there are {}", names.join(", "))
            } else {
                hint
            };
            errors.push(&at.key("name"), format!("there is no data set \"{name}\"{hint}"));
            return Ok(None);
        }
        Err(CatalogError::UnknownVersion { latest }) => {
            errors
                .push(&at.key("version"), format!("\"{name}\" has no such version; the latest is {latest}"));
            return Ok(None);
        }
        Err(CatalogError::Unavailable(why)) => return Err(PlanError::Unavailable(why)),
    };
    let Some(reference) = &members.dataset else { return Ok(None) };
    let reference = pin(reference, &dataset);
    match resolve_columns(dataset.schema(), &reference, &at) {
        Ok(columns) => Ok(Some(Data { dataset, columns, reference })),
        Err(refused) => {
            errors.extend(refused);
            errors.extend(check_parts(dataset.schema(), &reference, &at));
            errors.extend(Preprocessing::check(&dataset, &reference, &at));
            Ok(None)
        }
    }
}

/// The reference with its version, its split, its test part and what its transforms leave to defaults written out.
fn pin(reference: &DatasetRef, dataset: &Dataset) -> DatasetRef {
    let schema = dataset.schema();
    let mut pinned = reference.clone();
    pinned.version = Some(Version::clamped(schema.version));
    let has = |split: &str| schema.split(split).is_some();
    if pinned.split.is_none() {
        pinned.split = Some(if has("train") { "train".into() } else { "all".into() });
    }
    if pinned.test.is_none() && has("test") && pinned.split.as_deref() != Some("test") {
        pinned.test = Some(Holdout::Split("test".into()));
    }
    if let Transforms::Listed(listed) = &mut pinned.transforms {
        let steps = listed.iter_mut().flat_map(|entry| &mut entry.steps);
        steps.for_each(|step| *step = Transform::written_out(step));
    }
    pinned.target_transform = pinned.target_transform.as_ref().map(Transform::written_out);
    pinned
}

type Fitted = (Preprocessing, Vec<String>);

/// Parts the rows and fits the preprocessing on the training part, which is drawn only where that looks at it.
fn prepare(
    data: &Data,
    targets: Option<&[Target]>,
    seed: u64,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> (Option<Parts>, Option<Fitted>) {
    let stratify = targets.is_some_and(|targets| matches!(targets, [target] if target.is_one_category()));
    let parts = match Parts::resolve(&data.dataset, &data.reference, stratify, seed, at) {
        Ok(parts) => parts,
        Err(refused) => {
            errors.extend(refused);
            errors.extend(Preprocessing::check(&data.dataset, &data.reference, at));
            return (None, None);
        }
    };
    let needs_rows = Preprocessing::needs_rows(&data.dataset, &data.reference);
    let train: &[u32] = if needs_rows { &parts.rows().train } else { &[] };
    let fitted = match Preprocessing::fit(&data.dataset, &data.reference, train, at) {
        Ok(fitted) => Some(fitted),
        Err(refused) => {
            errors.extend(refused);
            None
        }
    };
    (Some(parts), fitted)
}

/// Fits what is done to the targets on the training part.
fn transform_targets(objectives: &mut [Objective], data: &Data, parts: &Parts, errors: &mut SpecErrors) {
    if let Some(transform) = &data.reference.target_transform {
        let rows = &parts.rows().train;
        super::objectives::transform_targets(objectives, &transform.0, &data.dataset, rows, errors);
    }
}

/// What the network's inputs are called, as far as that is known.
fn input_names(data: Option<&Data>, reference: Option<&DatasetRef>) -> Vec<String> {
    if let Some(data) = data {
        return data.columns.inputs.iter().map(|(name, _)| name.clone()).collect();
    }
    match reference.and_then(|reference| reference.input.as_ref()) {
        Some(Input::Named(inputs)) => inputs.iter().map(|(name, _)| name.clone()).collect(),
        _ => vec!["input".into()],
    }
}

fn check_steps(epochs: Epochs, steps_per_epoch: u64, at: &Pointer, errors: &mut SpecErrors) {
    let steps = epochs.get().saturating_mul(steps_per_epoch);
    if steps > MOST_STEPS {
        errors.push(
            &at.key("epochs"),
            format!(
                "{} epochs of {steps_per_epoch} steps are {steps} steps; a job takes at most {MOST_STEPS}",
                epochs.get()
            ),
        );
    }
}

fn check_monitor(config: &Supervised, series: &[String], at: &Pointer, errors: &mut SpecErrors) {
    let Some(rule) = &config.early_stopping else { return };
    if series.contains(&rule.monitor) {
        return;
    }
    match rule.monitor.strip_prefix("val_") {
        Some(rest) if series.iter().any(|name| name == rest) => {
            refuse_monitor(&rule.monitor, NO_VALIDATION, at, errors);
        }
        _ => {
            let advice = format!("the series of this job are {}", series.join(", "));
            refuse_monitor(&rule.monitor, &advice, at, errors);
        }
    }
}

const NO_VALIDATION: &str =
    "there is no validation part: say \"validation\": {\"fraction\": 0.1} in the dataset";

fn refuse_monitor(monitor: &str, advice: &str, at: &Pointer, errors: &mut SpecErrors) {
    let at = at.key("early_stopping").key("monitor");
    errors.push(&at, format!("\"{monitor}\" is not measured; {advice}"));
}

/// A monitor of the validation part where there is none, which can be told whatever else is wrong.
fn unmeasured_monitor(members: &Members) -> Option<String> {
    let rule = members.early_stopping.as_ref()?;
    let held = members.dataset.as_ref()?.validation.is_some();
    (rule.monitor.starts_with("val_") && !held).then(|| rule.monitor.clone())
}

/// The members of `training` with everything written out.
fn canonical(config: &Supervised, data: &Data, network: &super::network::Resolution) -> Map<String, Value> {
    let mut config = config.clone();
    config.dataset = data.reference.clone();
    if config.dataset.input.is_none() {
        let schema = data.dataset.schema();
        let columns = data.columns.inputs.iter().flat_map(|(_, columns)| columns);
        config.dataset.input =
            Some(Input::Columns(columns.map(|index| schema.columns[*index].name.clone()).collect()));
    }
    let mut members = Map::new();
    members.insert("method".into(), "supervised".into());
    members.extend(config.write_fields());
    members.insert("model".into(), network.write(config.model.outputs.as_ref()));
    members
}
