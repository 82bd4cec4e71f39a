//! From the fields of `training` to a [`SupervisedPlan`], every mistake noted at the field that the user would change.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::config::{EarlyStoppingSpec, Losses, Supervised};
use super::footprint::Footprint;
use super::network::{Head, Resolution, resolve_network};
use super::objectives::{Series, Target, check_metrics, fit_objectives, series, targets};
use super::parts::Parts;
use super::plan::{Objective, SupervisedPlan, step_size};
use super::transfer::{self, Initial, InitializeFrom};
use super::weights::{check_class_weight, check_sample_weight};
use crate::data::transforms::Transform;
use crate::data::{Columns, Dataset, Preprocessing, check_parts, resolve_columns};
use crate::nn::layers::Layer;
use crate::nn::metrics::Metric;
use crate::nn::optimizers::Optimizer;
use crate::spec::dataset::{DatasetRef, Holdout, Input, Transforms};
use crate::spec::field::did_you_mean;
use crate::spec::{
    Component, Epochs, Field, ModelSpec, NODE_MEMBERS, Name, Pointer, Record, Resources, SpecErrors, Version,
};
use crate::train::parent::ParentModel;
use crate::train::plan::{Catalog, CatalogError, PlanError, Summary};

/// The most steps that a job may take.
const MOST_STEPS: u64 = 1_000_000_000;

/// What the method knows of its job.
pub(crate) struct Context<'a> {
    pub(crate) seed: u64,
    pub(crate) resources: &'a Resources,
}

/// A method's plan with what is told of it.
pub(crate) struct Resolved<Plan> {
    pub(crate) plan: Plan,
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
    optimizer: Option<Optimizer>,
    sample_weight: Option<String>,
    initialize_from: Option<InitializeFrom>,
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
) -> Result<Option<Resolved<SupervisedPlan>>, PlanError> {
    let at = &training.pointer;
    let members = read_members(training, errors);
    let data = find_data(training, &members, catalog, errors)?;
    let parent = transfer::find(training, members.initialize_from.as_ref(), catalog, errors)?;
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
    let monitors = monitors(&members, at);
    let held = members.dataset.as_ref().is_none_or(|dataset| dataset.validation.is_some());
    let (Some(whole), Some(data), Some(parts), Some(preprocessing), Some(network), Some(mut objectives)) =
        (members.whole, data, parts, preprocessing, network, objectives)
    else {
        // That there is no validation part can be told whatever else is wrong.
        for (monitor, at) in monitors.iter().filter(|(monitor, _)| monitor.starts_with("val_") && !held) {
            refuse_monitor(monitor, NO_VALIDATION, at, errors);
        }
        return Ok(None);
    };
    let found = Found { whole, data, parts, preprocessing, network, parent };
    let rises = found.prove(&mut objectives, &monitors, at, errors);
    found.finish(objectives, &rises, (context, at), errors)
}

/// All that a body says, each for itself in order.
struct Found {
    whole: Supervised,
    data: Data,
    parts: Parts,
    preprocessing: Fitted,
    network: Resolution,
    parent: Option<(InitializeFrom, Arc<ParentModel>)>,
}

impl Found {
    fn batch_size(&self) -> u64 {
        self.whole.batch_size.get().min(self.parts.counts.train.max(1))
    }

    /// Examples in a step.
    fn step_size(&self) -> u64 {
        step_size(self.batch_size(), self.whole.gradient_accumulation.get(), self.parts.counts.train)
    }

    fn steps_per_epoch(&self) -> u64 {
        self.parts.counts.train.div_ceil(self.step_size())
    }

    /// Completes the objectives and notes what does not go together; whether each monitored series is better when it is
    /// greater.
    fn prove(
        &self,
        objectives: &mut [Objective],
        monitors: &[(String, Pointer)],
        at: &Pointer,
        errors: &mut SpecErrors,
    ) -> Vec<bool> {
        let Self { whole, data, parts, network, .. } = self;
        check_steps(whole.epochs, self.steps_per_epoch(), at, errors);
        super::objectives::assign_metrics(&whole.metrics, objectives);
        transform_targets(objectives, data, parts, errors);
        super::augmentation::check(&whole.augmentation, &data.dataset, &data.columns, objectives, at, errors);
        let series = series(objectives, parts.counts.validation > 0);
        let rises =
            monitors.iter().map(|(monitor, at)| check_monitor(monitor, &series, at, errors)).collect();
        if let Some(weight) = &whole.class_weight {
            check_class_weight(weight, objectives, &at.key("class_weight"), errors);
        }
        if errors.is_empty() && whole.epochs.get() > 0 && network.trainable() == 0 {
            errors.push(
                &at.key("model"),
                "the network has no parameters to train; \"epochs\": 0 takes it as it is",
            );
        }
        rises
    }

    /// Counts the memory, and makes the plan where nothing is wrong.
    fn finish(
        self,
        mut objectives: Vec<Objective>,
        rises: &[bool],
        (context, at): (&Context, &Pointer),
        errors: &mut SpecErrors,
    ) -> Result<Option<Resolved<SupervisedPlan>>, PlanError> {
        let (batch, per_step, steps) = (self.batch_size(), self.step_size(), self.steps_per_epoch());
        let Self { mut whole, data, parts, preprocessing, network, parent } = self;
        let limit = context.resources.memory_mb.get() << 20;
        let footprint = Footprint::new(&whole, batch, network.loads())
            .with_evaluation(network.example_bytes(), network.input_elements(), &parts.counts)
            .with_data(&data.dataset, &preprocessing.0, &objectives, &parts.counts, limit)
            .with_weights(&whole, &data.dataset);
        network.check_memory(&footprint, context.resources, errors);
        if !errors.is_empty() {
            return Ok(None);
        }
        whole.rewrites.fit(&mut objectives);
        let mut summary = network.summary();
        summary.memory_bytes = footprint.total();
        summary.flops = network.flops().saturating_mul(3).saturating_mul(per_step);
        summary.steps_per_epoch = steps;
        summary.warnings = [parts.counts.warnings.as_slice(), network.warnings.as_slice()].concat();
        summary.warnings.extend(preprocessing.1);
        whole.initialize_from = parent.as_ref().map(|(pinned, _)| pinned.clone());
        let training = canonical(&whole, &data, &network);
        let example_bytes = network.example_bytes();
        let network = network.into_plan(&whole.rewrites)?;
        summary.rewrites = whole.rewrites.done(&network, &objectives);
        let initial = parent.and_then(|(from, parent)| Initial::resolve(&from, parent, &network, at, errors));
        if !errors.is_empty() {
            return Ok(None);
        }
        let stopping_rises = rises.first().copied().unwrap_or_default();
        let plan = SupervisedPlan {
            dataset: data.dataset,
            parts,
            preprocessing: preprocessing.0,
            example_bytes,
            network,
            initial,
            objectives,
            gradient_clipping: whole.gradient_clipping.map(|clipping| clipping.0),
            early_stopping: whole.early_stopping.as_ref().map(|rule| rule.rule(stopping_rises)),
            plateau_rises: plateau_rises(&whole, rises),
            optimizer: whole.optimizer,
            augmentation: whole.augmentation,
            weight_average: whole.weight_average.as_ref().map(|average| average.momentum.get()),
            class_weight: whole.class_weight,
            sample_weight: whole.sample_weight,
            batch_size: batch,
            accumulation: whole.gradient_accumulation.get(),
            epochs: whole.epochs.get(),
            most_steps: None,
        };
        Ok(Some(Resolved { plan, summary, training }))
    }
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
            optimizer: Some(whole.optimizer.clone()),
            sample_weight: whole.sample_weight.clone(),
            initialize_from: whole.initialize_from.clone(),
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
        optimizer: member(training, "optimizer", errors),
        sample_weight: member::<Option<String>>(training, "sample_weight", errors).flatten(),
        initialize_from: member::<Option<InitializeFrom>>(training, "initialize_from", errors).flatten(),
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
    let at = training.pointer.key("model");
    let mut lists = vec![(&model["layers"], at.key("layers")), (&model["nodes"], at.key("nodes"))];
    while let Some((list, at)) = lists.pop() {
        for (index, node) in list.as_array().into_iter().flatten().enumerate() {
            let at = at.index(index);
            if node["type"] == "block" {
                lists.extend(["layers", "shortcut"].map(|member| (&node[member], at.key(member))));
            } else if let Some(component) = Component::read(node, "type", &at, errors) {
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
    let mut reference = pin(reference, &dataset);
    if let Some(column) = &members.sample_weight {
        keep_apart(column, &dataset, &mut reference, &training.pointer.key("sample_weight"), errors);
    }
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

/// Takes the column that weighs examples out of the inputs; one that was asked for as an input or a target is refused.
fn keep_apart(
    column: &str,
    dataset: &Dataset,
    reference: &mut DatasetRef,
    at: &Pointer,
    errors: &mut SpecErrors,
) {
    check_sample_weight(dataset, column, at, errors);
    let targets = reference.target.columns();
    let used = match &reference.input {
        None => false,
        Some(Input::Column(input)) => input == column,
        Some(Input::Columns(inputs)) => inputs.iter().any(|input| input == column),
        Some(Input::Named(inputs)) => {
            inputs.iter().any(|(_, inputs)| inputs.iter().any(|input| input == column))
        }
    };
    if used || targets.iter().any(|target| target == column) {
        let what = if used { "an input" } else { "a target" };
        return errors
            .push(at, format!("column \"{column}\" is {what}, and cannot weigh the examples as well"));
    }
    if reference.input.is_none() {
        let names = dataset.schema().columns.iter().map(|other| &other.name);
        let rest = names.filter(|name| *name != column && !targets.contains(name));
        reference.input = Some(Input::Columns(rest.cloned().collect()));
    }
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

/// The series that somebody watches, and where they are named: early stopping's first, the schedule's last.
fn monitors(members: &Members, at: &Pointer) -> Vec<(String, Pointer)> {
    let stopping = members.early_stopping.as_ref();
    let stopping = stopping.map(|rule| (rule.monitor.clone(), at.key("early_stopping").key("monitor")));
    let schedule =
        members.optimizer.as_ref().and_then(|optimizer| optimizer.learning_rate().schedule.plateau());
    let place = || at.key("optimizer").key("learning_rate").key("monitor");
    stopping.into_iter().chain(schedule.map(|schedule| (schedule.monitor.clone(), place()))).collect()
}

/// Notes a series that is not measured; whether it is better when it is greater.
fn check_monitor(monitor: &str, series: &[Series], at: &Pointer, errors: &mut SpecErrors) -> bool {
    if let Some(found) = series.iter().find(|series| series.name == monitor) {
        return found.greater_is_better;
    }
    match monitor.strip_prefix("val_") {
        Some(rest) if series.iter().any(|series| series.name == rest) => {
            refuse_monitor(monitor, NO_VALIDATION, at, errors);
        }
        _ => {
            let names: Vec<&str> = series.iter().map(|series| series.name.as_str()).collect();
            let advice = format!("the series of this job are {}", names.join(", "));
            refuse_monitor(monitor, &advice, at, errors);
        }
    }
    false
}

/// Whether what the schedule listens to, which stands last, is better when it is greater.
fn plateau_rises(config: &Supervised, rises: &[bool]) -> bool {
    let schedule = config.optimizer.learning_rate().schedule.plateau();
    let by_metric = rises.last().copied().unwrap_or_default();
    schedule.is_some_and(|schedule| schedule.mode.greater_is_better(by_metric))
}

const NO_VALIDATION: &str =
    "there is no validation part: say \"validation\": {\"fraction\": 0.1} in the dataset";

fn refuse_monitor(monitor: &str, advice: &str, at: &Pointer, errors: &mut SpecErrors) {
    errors.push(at, format!("\"{monitor}\" is not measured; {advice}"));
}

/// The members of `training` with everything written out.
fn canonical(config: &Supervised, data: &Data, network: &Resolution) -> Map<String, Value> {
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
