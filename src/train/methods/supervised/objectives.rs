//! What each output is to say: targets, losses and metrics, fitted to the network.

use super::config::{Losses, Supervised};
use super::network::Resolution;
use super::plan::{Objective, target_view};
use crate::data::transforms::Transform;
use crate::data::{Columns, Dataset, TargetColumn, TargetKind, TargetScale, TargetValues};
use crate::nn::losses::{FittedLoss, Loss, Misfit, OutputView, TargetForm, TargetView};
use crate::nn::metrics::Metric;
use crate::spec::dataset::DatasetRef;
use crate::spec::field::did_you_mean;
use crate::spec::{Component, ModelSpec, Outputs, Pointer, SpecErrors};

/// Columns that one output predicts, read in the form that their loss asks for.
pub(super) struct Target {
    /// Its name in `loss` and `model.outputs`; several columns under one loss go by the first.
    pub(super) name: String,
    pub(super) columns: Vec<TargetColumn>,
    pub(super) loss: Loss,
    /// Where the loss stands.
    pub(super) pointer: Pointer,
}

impl Target {
    pub(super) fn view(&self) -> TargetView {
        target_view(&self.loss, &self.columns)
    }

    /// Whether it is one column of classes, by which parts can be stratified.
    pub(super) fn is_one_category(&self) -> bool {
        self.columns.len() == 1 && self.view().classes.is_some()
    }
}

/// Reads the target columns for their losses. `at` is where the losses stand.
pub(super) fn targets(
    dataset: &Dataset,
    columns: &Columns,
    reference: &DatasetRef,
    losses: &Losses,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Vec<Target>> {
    let names: Vec<&str> =
        columns.targets.iter().map(|index| dataset.schema().columns[*index].name.as_str()).collect();
    let read: Vec<Option<Target>> = match losses {
        Losses::One(loss) => vec![read_target(dataset, &names, loss, at, errors)],
        Losses::ByTarget(losses) => {
            for (name, _) in losses {
                if !names.contains(&name.as_str()) {
                    let hint = did_you_mean(name, names.iter().copied());
                    errors.push(&at.key(name), format!("\"{name}\" is not a target{hint}"));
                }
            }
            names
                .iter()
                .map(|name| {
                    let Some((_, loss)) = losses.iter().find(|(target, _)| target == name) else {
                        errors.push(at, format!("there is no loss for the target \"{name}\""));
                        return None;
                    };
                    read_target(dataset, &[name], loss, &at.key(name), errors)
                })
                .collect()
        }
    };
    let transform = reference.target_transform.as_ref().map(|transform| &transform.0);
    if let Some(transform) = transform {
        target_transform(transform, errors);
    }
    let read = read.into_iter().collect::<Option<Vec<Target>>>()?;
    if let Some(transform) = transform
        && read.iter().any(|target| target.loss.target_form() != TargetForm::Numbers)
    {
        errors.push(&transform.pointer, "only numbers can be transformed, and the target holds classes");
        return None;
    }
    Some(read)
}

/// Reads what is done to the targets.
fn target_transform(transform: &Component, errors: &mut SpecErrors) -> Option<Transform> {
    if !TargetScale::TRANSFORMS.contains(&transform.kind.as_str()) {
        transform.refuse_name("type", "a transform of a target", &TargetScale::TRANSFORMS, errors);
        return None;
    }
    Transform::from_component(transform, &[], errors)
}

fn read_target(
    dataset: &Dataset,
    names: &[&str],
    loss: &Loss,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Target> {
    let read = |name: &&str| match loss.target_form() {
        TargetForm::Classes | TargetForm::Binary if names.len() == 1 => TargetColumn::category(dataset, name),
        TargetForm::Classes | TargetForm::Binary => zero_or_one(dataset, name),
        TargetForm::Numbers => TargetColumn::number(dataset, name),
    };
    let columns: Result<Vec<TargetColumn>, String> = names.iter().map(read).collect();
    let several_classes = loss.target_form() == TargetForm::Classes && names.len() > 1;
    let columns = columns.and_then(|columns| {
        if several_classes {
            one_of_each(dataset, &columns)?;
        }
        Ok(columns)
    });
    match columns {
        Ok(columns) => {
            Some(Target { name: names[0].to_owned(), columns, loss: loss.clone(), pointer: at.clone() })
        }
        Err(why) => {
            let advice = match loss.target_form() {
                TargetForm::Numbers => "; for classes take categorical_cross_entropy with softmax",
                TargetForm::Classes if several_classes => {
                    "; give each target its own loss and output, or take binary_cross_entropy for several targets of \
                     nought and one"
                }
                TargetForm::Classes | TargetForm::Binary => "; for numbers take mean_squared_error",
            };
            errors.push(at, format!("{} does not fit the target: {why}{advice}", loss.name()));
            None
        }
    }
}

/// One of several targets of nought and one.
fn zero_or_one(dataset: &Dataset, name: &str) -> Result<TargetColumn, String> {
    let classes = ["0", "1"].map(str::to_owned);
    let mut column = TargetColumn::category(dataset, name)?;
    if !column.classes().is_empty() && column.classes().iter().all(|class| classes.contains(class)) {
        // One of the two may not occur, and is a class all the same.
        column.kind = TargetKind::Category { classes: classes.into() };
        return Ok(column);
    }
    Err(format!("\"{name}\" holds more than nought and one"))
}

/// Holds columns of nought and one to being one class each: a row has one of them, or is left out for an empty cell.
fn one_of_each(dataset: &Dataset, columns: &[TargetColumn]) -> Result<(), String> {
    let read: Vec<TargetValues> = columns
        .iter()
        .map(|column| column.read(dataset))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let rows: Vec<u32> = (0..dataset.rows() as u32).collect();
    let (mut sums, mut column) = (vec![0_i64; rows.len()], vec![0_i64; rows.len()]);
    for values in &read {
        values.gather_classes(&rows, &mut column);
        sums.iter_mut().zip(&column).for_each(|(sum, class)| *sum += class);
    }
    match sums.iter().position(|sum| *sum != 1 && *sum < i64::from(u32::MAX)) {
        Some(row) => Err(format!(
            "the columns are to be one class each, and row {row} has {} of them, where 1 is needed",
            sums[row]
        )),
        None => Ok(()),
    }
}

/// Finds the output of every target and fits its loss. The network's outputs are brought into the targets' order.
pub(super) fn fit_objectives(
    network: &mut Resolution,
    model: &ModelSpec,
    targets: Vec<Target>,
    config: Option<&Supervised>,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Vec<Objective>> {
    let outputs = pair_outputs(network, model, &targets, errors)?;
    network.outputs.clone_from(&outputs);
    let weights = config.and_then(|config| config.loss_weights.as_ref());
    if let Some(weights) = weights {
        for name in weights.keys() {
            if !targets.iter().any(|target| target.name == *name) {
                let hint = did_you_mean(name, targets.iter().map(|target| target.name.as_str()));
                errors.push(&at.key("loss_weights").key(name), format!("\"{name}\" is not a target{hint}"));
            }
        }
    }
    let several = outputs.len() > 1;
    let fitted: Vec<Option<Objective>> = targets
        .into_iter()
        .zip(outputs)
        .map(|(target, node)| {
            let fitted = fit(network, model, &target, node, errors)?;
            let weight =
                weights.and_then(|weights| weights.get(&target.name)).map_or(1.0, |weight| weight.get());
            let name = if several { network.nodes[node].name.clone() } else { target.name };
            Some(Objective {
                name,
                columns: target.columns,
                loss: target.loss,
                fitted,
                weight,
                metrics: Vec::new(),
            })
        })
        .collect();
    fitted.into_iter().collect()
}

/// The output node of every target, in the targets' order.
fn pair_outputs(
    network: &Resolution,
    model: &ModelSpec,
    targets: &[Target],
    errors: &mut SpecErrors,
) -> Option<Vec<usize>> {
    let at = model.pointer.key("outputs");
    let find = |node: &str| network.nodes.iter().position(|known| known.name == node);
    if let Some(Outputs::ByTarget(pairs)) = &model.outputs {
        for (target, node) in pairs {
            if !targets.iter().any(|known| known.name == *target) {
                let hint = did_you_mean(target, targets.iter().map(|known| known.name.as_str()));
                errors.push(&at.key(target), format!("\"{target}\" is not a target{hint}"));
            } else if find(node).is_none() {
                let hint = did_you_mean(node, network.nodes.iter().map(|node| node.name.as_str()));
                errors.push(&at.key(target), format!("\"{node}\" is not a node{hint}"));
            }
        }
        return targets
            .iter()
            .map(|target| {
                let pair = pairs.iter().find(|(name, _)| *name == target.name);
                if pair.is_none() {
                    errors.push(&at, format!("the target \"{}\" has no output", target.name));
                }
                find(&pair?.1)
            })
            .collect();
    }
    let place = if model.outputs.is_some() { at } else { model.pointer.clone() };
    if network.outputs.len() == 1 && targets.len() == 1 {
        return Some(vec![network.outputs[0]]);
    }
    if network.outputs.is_empty() {
        return None; // noted where the outputs were read
    }
    let names: Vec<&str> = network.outputs.iter().map(|node| network.nodes[*node].name.as_str()).collect();
    errors.push(
        &place,
        format!(
            "there are {} outputs ({}) and {} targets with a loss: say which target each output is for, in \
             \"outputs\": {{\"<target>\": \"<node>\"}}, and a loss for each target",
            names.len(),
            names.join(", "),
            targets.len()
        ),
    );
    None
}

fn fit(
    network: &Resolution,
    model: &ModelSpec,
    target: &Target,
    node: usize,
    errors: &mut SpecErrors,
) -> Option<FittedLoss> {
    let resolved = &network.nodes[node];
    let shape = resolved.output_shape.as_ref()?;
    let layer = resolved.layer.as_ref()?;
    let view = OutputView { shape, activation: layer.activation() };
    match target.loss.fit(&view, &target.view()) {
        Ok(fitted) => Some(fitted),
        Err(Misfit::Loss(why)) => {
            errors.push(&target.pointer, why);
            None
        }
        Err(Misfit::Width(why)) => {
            let source = network.width_source(node);
            let at = model.node_pointer(network.nodes[source].index);
            let at = if network.nodes[source].says_units(model) { at.key("units") } else { at };
            errors.push(&at, why);
            None
        }
    }
}

/// Notes metrics that mean nothing for any output, and those named twice.
pub(super) fn check_metrics(
    metrics: &[Metric],
    objectives: &[Objective],
    at: &Pointer,
    errors: &mut SpecErrors,
) {
    for (index, metric) in metrics.iter().enumerate() {
        if metrics[..index].iter().any(|earlier| earlier.name() == metric.name()) {
            errors.push(&at.index(index), format!("\"{}\" is named twice", metric.name()));
            continue;
        }
        let refusals: Vec<String> =
            objectives.iter().filter_map(|objective| metric.check(objective.fitted.task).err()).collect();
        if refusals.len() == objectives.len()
            && let Some(why) = refusals.into_iter().next()
        {
            errors.push(&at.index(index), why);
        }
    }
}

/// Gives every objective the metrics that mean something for it.
pub(super) fn assign_metrics(metrics: &[Metric], objectives: &mut [Objective]) {
    for objective in objectives {
        let fits = |metric: &&Metric| metric.check(objective.fitted.task).is_ok();
        objective.metrics = metrics.iter().filter(fits).cloned().collect();
    }
}

/// Fits the targets' transform on the rows of the training part.
pub(super) fn transform_targets(
    objectives: &mut [Objective],
    transform: &Component,
    dataset: &Dataset,
    rows: &[u32],
    errors: &mut SpecErrors,
) {
    // Noted before, where it cannot be read.
    let Some(fitted) = target_transform(transform, &mut SpecErrors::new()) else { return };
    for column in objectives.iter_mut().flat_map(|objective| &mut objective.columns) {
        if let Err(why) = column.transform(&fitted, dataset, rows) {
            errors.push(&transform.pointer, why);
        }
    }
}

/// A series that is measured at the end of every epoch.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) greater_is_better: bool,
}

/// All that are measured.
pub(super) fn series(objectives: &[Objective], validation: bool) -> Vec<Series> {
    let mut series = vec![Series { name: "loss".to_owned(), greater_is_better: false }];
    for objective in objectives {
        let prefix = if objectives.len() > 1 { format!("{}_", objective.name) } else { String::new() };
        if objectives.len() > 1 {
            series.push(Series { name: format!("{prefix}loss"), greater_is_better: false });
        }
        for metric in &objective.metrics {
            let greater_is_better = metric.greater_is_better();
            let names = metric.series(metric.name(), &objective.measured());
            let named =
                names.into_iter().map(|name| Series { name: format!("{prefix}{name}"), greater_is_better });
            series.extend(named);
        }
    }
    if validation {
        let held: Vec<Series> =
            series.iter().map(|series| Series { name: format!("val_{}", series.name), ..*series }).collect();
        series.extend(held);
    }
    series
}
