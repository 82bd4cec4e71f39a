//! Which columns of a data set a job's inputs and targets are.

use crate::spec::dataset::{DatasetRef, DatasetSchema, Holdout, Input, Kind, Target};
use crate::spec::field::did_you_mean;
use crate::spec::{Pointer, SpecErrors};

use super::import::shown;

/// The columns of a job, as indices into the schema's columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// The inputs by name, in their order; one named `input` where the job names none.
    pub inputs: Vec<(String, Vec<usize>)>,
    pub targets: Vec<usize>,
}

/// Finds a job's columns; `at` is where `reference` stands (`/training/dataset`).
pub fn resolve_columns(
    schema: &DatasetSchema,
    reference: &DatasetRef,
    at: &Pointer,
) -> Result<Columns, SpecErrors> {
    let mut errors = SpecErrors::new();
    let targets = find_targets(schema, &reference.target, &at.key("target"), &mut errors);
    let inputs = find_inputs(schema, reference, &at.key("input"), &mut errors);
    let columns = match (inputs, targets) {
        (Some(inputs), Some(targets)) => Some(Columns { inputs, targets }),
        _ => None,
    };
    errors.into_result(columns)
}

/// An input's name, and its columns with the places that name them.
type InputPlaces = (String, Vec<(String, Pointer)>);

/// Where each named column of an input stands: inputs by name, their columns with their pointers.
pub(super) fn input_places(reference: &DatasetRef, at: &Pointer) -> Option<Vec<InputPlaces>> {
    let list = |columns: &[String], at: &Pointer| {
        columns.iter().enumerate().map(|(index, column)| (column.clone(), at.index(index))).collect()
    };
    match reference.input.as_ref()? {
        Input::Column(column) => Some(vec![("input".to_owned(), vec![(column.clone(), at.clone())])]),
        Input::Columns(columns) => Some(vec![("input".to_owned(), list(columns, at))]),
        Input::Named(inputs) => {
            Some(inputs.iter().map(|(name, columns)| (name.clone(), list(columns, &at.key(name)))).collect())
        }
    }
}

fn find(schema: &DatasetSchema, column: &str, at: &Pointer, errors: &mut SpecErrors) -> Option<usize> {
    let found = schema.columns.iter().position(|other| other.name == column);
    if found.is_none() {
        let names = || schema.columns.iter().map(|column| column.name.as_str());
        let mut hint = did_you_mean(column, names());
        if hint.is_empty() {
            let some: Vec<&str> = names().take(20).collect();
            let more = if schema.columns.len() > some.len() { ", …" } else { "" };
            hint = format!("; its columns are {}{more}", some.join(", "));
        }
        errors.push(at, format!("data set \"{}\" has no column {}{hint}", schema.name, shown(column)));
    }
    found
}

fn find_targets(
    schema: &DatasetSchema,
    target: &Target,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Vec<usize>> {
    let mut find_one = |column: &str, at: &Pointer| {
        let index = find(schema, column, at, errors)?;
        match schema.columns[index].kind {
            Kind::Number | Kind::Category => Some(index),
            Kind::Text => {
                errors.push(at, format!(
                    "column \"{column}\" is free text, which cannot be a target; if its values are classes, upload the \
                     set with types={column}:category"
                ));
                None
            }
            kind => {
                errors.push(
                    at,
                    format!("column \"{column}\" is of kind {kind}, and a target is a number or a category"),
                );
                None
            }
        }
    };
    let found: Vec<Option<usize>> = match target {
        Target::Column(column) => vec![find_one(column, at)],
        Target::Columns(columns) => {
            columns.iter().enumerate().map(|(index, column)| find_one(column, &at.index(index))).collect()
        }
    };
    found.into_iter().collect()
}

fn find_inputs(
    schema: &DatasetSchema,
    reference: &DatasetRef,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Vec<(String, Vec<usize>)>> {
    let targets = reference.target.columns();
    let Some(places) = input_places(reference, at) else {
        let held = [&reference.test, &reference.validation];
        let parts = |name: &str| {
            held.iter().any(|part| part.as_ref().and_then(Holdout::column).is_some_and(|(by, _)| by == name))
        };
        let rest: Vec<usize> = (0..schema.columns.len())
            .filter(|index| !targets.contains(&schema.columns[*index].name))
            .filter(|index| !parts(&schema.columns[*index].name))
            .collect();
        if rest.is_empty() {
            errors.push(
                at,
                "every column is a target, or parts are held out by it; no column is left as input",
            );
            return None;
        }
        return Some(vec![("input".to_owned(), rest)]);
    };
    let mut inputs = Vec::with_capacity(places.len());
    let mut complete = true;
    for (name, columns) in places {
        let mut indices = Vec::with_capacity(columns.len());
        for (column, at) in columns {
            if targets.contains(&column) {
                errors.push(&at, format!("column \"{column}\" is a target, and cannot be an input as well"));
                complete = false;
            } else if let Some(index) = find(schema, &column, &at, errors) {
                indices.push(index);
            } else {
                complete = false;
            }
        }
        inputs.push((name, indices));
    }
    complete.then_some(inputs)
}
