//! Loss and metrics of a version on data that it may not have seen, beside the predictions and not in their way.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Number, Value, json};

use super::InferenceError;
use super::evaluation::Request;
use super::network::Network;
use crate::data::{ColumnData, DataError, Dataset, Preprocessing, TargetKind};
use crate::spec::dataset::{Column, DatasetSchema, Kind};
use crate::spec::field::did_you_mean;
use crate::spec::{Pointer, SpecErrors};
use crate::train::model::{ModelDocument, ModelOutput};

/// The data set and the version of it that a model was trained on.
pub(super) fn trained_on(document: &ModelDocument) -> Option<(&str, u32)> {
    let reference = document.spec.pointer("/training/dataset")?;
    let version = reference.get("version")?.as_u64()?;
    Some((reference.get("name")?.as_str()?, u32::try_from(version).ok()?))
}

/// What was computed, and on what.
pub(super) struct Evaluated {
    split: String,
    examples: usize,
    metrics: BTreeMap<String, f64>,
}

impl Evaluated {
    pub(super) fn answer(self, model: &str, version: u32, data: &DatasetSchema) -> Value {
        let number = |value: f64| Number::from_f64(value).map_or(Value::Null, Value::Number);
        let metrics: Map<String, Value> =
            self.metrics.into_iter().map(|(name, value)| (name, number(value))).collect();
        json!({
            "model": model,
            "version": version,
            "dataset": {"name": data.name, "version": data.version, "split": self.split},
            "examples": self.examples,
            "metrics": metrics,
        })
    }
}

/// Checks that the data set fits the model, and computes, with weights of its own. Blocks for as long as it takes.
pub(super) fn evaluate(
    folder: &Path,
    dataset: &Arc<Dataset>,
    request: &Request,
) -> Result<Evaluated, InferenceError> {
    super::batcher::single_threaded();
    let network = Network::load(folder)?;
    let model = network.model();
    let mut errors = SpecErrors::new();
    check_inputs(model.preprocessing(), dataset.schema(), request.name_at(), &mut errors);
    let targets = find_targets(model.outputs(), dataset.schema(), request, &mut errors);
    let part = find_split(dataset.schema(), request, &mut errors);
    let (targets, (split, range)) = errors.into_result(targets.zip(part)).map_err(InferenceError::Refused)?;
    let rows = rows_with_truth(dataset, range, &targets);
    if rows.is_empty() {
        let detail = format!("no example of \"{split}\" has a value in {}", quoted(&targets));
        return Err(InferenceError::Refused(SpecErrors::of(request.split_at(), detail)));
    }
    let said = request.data.target.as_ref().map(|_| targets.as_slice());
    let metrics = model.evaluate(dataset, &rows, said, request.batch_size).map_err(|error| match error {
        DataError::Mismatch(detail) => {
            let at = if said.is_some() { request.target_at() } else { request.name_at() };
            InferenceError::Refused(SpecErrors::of(at, detail))
        }
        other => InferenceError::Internal(other.to_string()),
    })?;
    Ok(Evaluated { split, examples: rows.len(), metrics })
}

/// Every column that the model reads has to be there, and to be of the kind that it learned from.
fn check_inputs(
    preprocessing: &Preprocessing,
    schema: &DatasetSchema,
    at: &Pointer,
    errors: &mut SpecErrors,
) {
    for wanted in preprocessing.input_columns().into_iter().filter(|column| !column.optional) {
        let name = &wanted.name;
        let Some(column) = find_column(schema, name, at, errors) else { continue };
        let grid = |kind| matches!(kind, Kind::Image | Kind::Tensor);
        if column.kind != wanted.kind && !(grid(column.kind) && grid(wanted.kind)) {
            errors.push(
                at,
                format!(
                    "column \"{name}\" of data set {} holds {}, and the model learned from {}",
                    shown(schema),
                    plural(column.kind),
                    plural(wanted.kind)
                ),
            );
        } else if column.shape != wanted.shape {
            errors.push(
                at,
                format!(
                    "column \"{name}\" of data set {} has the shape {:?}, and the model learned from {:?}",
                    shown(schema),
                    column.shape,
                    wanted.shape
                ),
            );
        }
    }
}

/// The columns of truth: as the body names them, or as training did.
fn find_targets(
    outputs: &[ModelOutput],
    schema: &DatasetSchema,
    request: &Request,
    errors: &mut SpecErrors,
) -> Option<Vec<String>> {
    let learned: Vec<_> = outputs.iter().flat_map(|output| &output.columns).collect();
    let (names, at): (Vec<String>, _) = match &request.data.target {
        Some(said) => (said.columns().to_vec(), request.target_at()),
        None => (learned.iter().map(|target| target.column.clone()).collect(), request.name_at()),
    };
    if names.len() != learned.len() {
        errors.push(at, format!("must name {} columns: the model predicts so many", learned.len()));
        return None;
    }
    let mut complete = true;
    for (name, learned) in names.iter().zip(&learned) {
        let Some(column) = find_column(schema, name, at, errors) else {
            complete = false;
            continue;
        };
        let number_wanted = matches!(learned.kind, TargetKind::Number { .. });
        if number_wanted && column.kind != Kind::Number && column.kind != Kind::Tensor {
            errors.push(
                at,
                format!("column \"{name}\" holds {}, and the model predicts numbers", plural(column.kind)),
            );
        }
    }
    complete.then_some(names)
}

fn find_column<'a>(
    schema: &'a DatasetSchema,
    name: &str,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<&'a Column> {
    let column = schema.column(name);
    if column.is_none() {
        let hint = did_you_mean(name, schema.columns.iter().map(|column| column.name.as_str()));
        errors.push(at, format!("data set {} has no column \"{name}\"{hint}", shown(schema)));
    }
    column
}

/// The split that is meant, and its rows.
fn find_split(
    schema: &DatasetSchema,
    request: &Request,
    errors: &mut SpecErrors,
) -> Option<(String, Range<u64>)> {
    let at = request.split_at();
    let names: Vec<&str> = schema.splits.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = match &request.data.split {
        Some(said) => Some(said.as_str()),
        None => ["test", "all"].into_iter().find(|split| names.contains(split)),
    };
    let Some(wanted) = wanted else {
        errors.push(at, format!("must be one of {}", names.join(", ")));
        return None;
    };
    let found = schema.split(wanted);
    // A set with splits has no `all`, and yet everybody knows what it means.
    let found = found.or_else(|| (wanted == "all").then_some(0..schema.examples));
    if found.is_none() {
        let hint = did_you_mean(wanted, names.iter().copied());
        let has = names.join(", ");
        errors.push(at, format!("data set {} has no split \"{wanted}\"; it has {has}{hint}", shown(schema)));
    }
    Some((wanted.to_owned(), found?))
}

pub(super) fn rows_with_truth(dataset: &Dataset, rows: Range<u64>, targets: &[String]) -> Vec<u32> {
    let columns: Vec<ColumnData<'_>> = targets
        .iter()
        .filter_map(|name| dataset.schema().columns.iter().position(|column| column.name == *name))
        .map(|index| dataset.column(index))
        .collect();
    let has_truth = |row: u32| {
        columns.iter().all(|column| match column {
            ColumnData::Numbers(cells) => !cells[row as usize].is_nan(),
            ColumnData::Codes(codes) => codes[row as usize] != u32::MAX,
            _ => true,
        })
    };
    (rows.start as u32..rows.end as u32).filter(|row| has_truth(*row)).collect()
}

fn shown(schema: &DatasetSchema) -> String {
    format!("\"{}\" version {}", schema.name, schema.version)
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" and ")
}

fn plural(kind: Kind) -> &'static str {
    match kind {
        Kind::Number => "numbers",
        Kind::Category => "categories",
        Kind::Image => "images",
        Kind::Text => "texts",
        Kind::Tensor => "tensors",
        Kind::Tokens => "tokens",
    }
}
