//! What a version gets wrong: the classes that it takes for others, the surest mistakes first, or the numbers that it is
//! farthest off.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Number, Value};

use super::InferenceError;
use super::answer::{self, Reading, ReadingKind, TargetReading};
use super::evaluate::rows_with_truth;
use super::network::Network;
use crate::data::{ColumnData, DataError, Dataset, TargetValues};
use crate::spec::field::did_you_mean;
use crate::train::model::{LoadedModel, ModelOutput};

/// Which mistakes are wanted.
#[derive(Clone, Debug)]
pub struct MistakesWanted {
    /// `train`, `validation` or `test` as the job parted its data, a split of the data set, or `all`. Where it is absent,
    /// the part that the job tested or else watched itself by, or all.
    pub split: Option<String>,
    /// How many are told of at most.
    pub limit: usize,
}

/// The worst mistakes of a version.
pub struct Mistakes {
    pub dataset: Arc<Dataset>,
    pub split: String,
    /// The columns that hold the truth.
    pub targets: Vec<String>,
    /// That were asked about: those of the part that have a truth.
    pub examples: usize,
    /// How many of them are wrong; nothing of numbers, which are all a little off.
    pub wrong: Option<usize>,
    /// The worst first.
    pub worst: Vec<Mistake>,
}

/// An example that is answered wrongly. With several targets the answers are objects by their names.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// Counted over the whole data set.
    pub row: u32,
    pub truth: Value,
    pub answer: Value,
    /// Of its surest wrong answer, where that has one.
    pub probability: Option<f32>,
    /// How far off a number is; of several, the one that is farthest off, in standard deviations of its truth.
    pub error: Option<f64>,
}

/// Asks a version about every row of a part. Blocks for as long as it takes.
pub(super) fn find(
    folder: &Path,
    dataset: Arc<Dataset>,
    wanted: &MistakesWanted,
) -> Result<Mistakes, InferenceError> {
    super::batcher::single_threaded();
    let network = Network::load(folder)?;
    let model = network.model();
    let columns = model.outputs().iter().flat_map(|output| &output.columns);
    let targets: Vec<String> = columns.map(|target| target.column.clone()).collect();
    let (split, rows) = rows_of_part(model, &dataset, wanted.split.as_deref(), &targets)?;
    let judge = Judge::new(model.outputs(), &dataset, &rows).map_err(failed)?;
    let mut worst = Worst::new(wanted.limit);
    let mut wrong = 0;
    let asked = model.answers(&dataset, &rows, |rows, outputs| {
        for (place, row) in rows.iter().enumerate() {
            let said = said(outputs, rows.len(), place);
            if let Some(weight) = judge.weight(*row, &said) {
                wrong += 1;
                worst.take(weight, *row, &said);
            }
        }
    });
    asked.map_err(failed)?;
    Ok(Mistakes {
        split,
        targets,
        examples: rows.len(),
        wrong: judge.by_class.then_some(wrong),
        worst: worst.sorted().iter().map(|found| judge.mistake(found)).collect(),
        dataset,
    })
}

/// What the model learned from fits it; what goes by the same name and version may be something else by now.
fn failed(error: DataError) -> InferenceError {
    match error {
        DataError::Mismatch(detail) => {
            InferenceError::NoData(format!("the data set is not what the model was trained on: {detail}"))
        }
        other => InferenceError::Internal(other.to_string()),
    }
}

/// The part that is meant, and its rows that have a truth.
fn rows_of_part(
    model: &LoadedModel,
    dataset: &Dataset,
    wanted: Option<&str>,
    targets: &[String],
) -> Result<(String, Vec<u32>), InferenceError> {
    let parts = model.parts(dataset).unwrap_or_default();
    let mut drawn = vec![("test", parts.test), ("validation", parts.validation), ("train", parts.train)];
    drawn.retain(|(_, rows)| !rows.is_empty());
    let held_out = drawn.iter().find(|(part, _)| *part != "train").map_or("all", |(part, _)| *part);
    let wanted = wanted.unwrap_or(held_out);
    if let Some(place) = drawn.iter().position(|(part, _)| *part == wanted) {
        return Ok((wanted.to_owned(), drawn.swap_remove(place).1));
    }
    let schema = dataset.schema();
    let range = schema.split(wanted).or_else(|| (wanted == "all").then_some(0..schema.examples));
    let Some(range) = range else {
        let splits = schema.splits.iter().map(|(name, _)| name.as_str());
        let mut known: Vec<&str> = drawn.iter().map(|(part, _)| *part).chain(splits).chain(["all"]).collect();
        known.sort_unstable();
        known.dedup();
        let hint = did_you_mean(wanted, known.iter().copied());
        let detail = format!("split: must be one of {}, not \"{wanted}\"{hint}", known.join(", "));
        return Err(InferenceError::NoPart(detail));
    };
    Ok((wanted.to_owned(), rows_with_truth(dataset, range, targets)))
}

/// What the outputs say of one of `rows` rows, by output.
fn said(outputs: &[Vec<f32>], rows: usize, place: usize) -> Vec<&[f32]> {
    outputs.iter().map(|values| &values[values.len() / rows * place..][..values.len() / rows]).collect()
}

/// Holds answers against the truth.
struct Judge<'a> {
    named: bool,
    /// Whether there are classes, by which alone answers are wrong then.
    by_class: bool,
    targets: Vec<Judged<'a>>,
}

struct Judged<'a> {
    reading: TargetReading,
    truth: Truth<'a>,
}

/// What a target is, by row of the set.
enum Truth<'a> {
    /// A class of these.
    Classes { names: Vec<String>, codes: Vec<u32> },
    /// A number, and how far numbers are from their mean, by which several targets are compared.
    Numbers { cells: &'a [f64], deviation: f64 },
}

impl<'a> Judge<'a> {
    fn new(outputs: &[ModelOutput], dataset: &'a Dataset, rows: &[u32]) -> Result<Self, DataError> {
        let reading = Reading::of(outputs);
        let named = reading.named;
        let mut readings = reading.targets.into_iter();
        let mut targets = Vec::new();
        for output in outputs {
            let truths = truths(output, dataset, rows, named)?;
            targets.extend(
                truths.into_iter().zip(&mut readings).map(|(truth, reading)| Judged { reading, truth }),
            );
        }
        let by_class = targets.iter().any(|target| target.reading.kind.is_of_classes());
        Ok(Self { named, by_class, targets })
    }

    /// How bad it is, where it is wrong: the surest wrong answer counts.
    fn weight(&self, row: u32, said: &[&[f32]]) -> Option<f64> {
        let weights = self.targets.iter().filter(|target| target.counts(self.by_class));
        weights.filter_map(|target| target.weight(row, said)).reduce(f64::max)
    }

    fn mistake(&self, found: &Found) -> Mistake {
        let said: Vec<&[f32]> = found.said.iter().map(Vec::as_slice).collect();
        let told = |value: &dyn Fn(&Judged) -> Value| match &self.targets[..] {
            [target] if !self.named => value(target),
            targets => targets
                .iter()
                .map(|target| (target.reading.name.clone(), value(target)))
                .collect::<Map<_, _>>()
                .into(),
        };
        let wrong = self.targets.iter().filter(|target| target.weight(found.row, &said).is_some());
        let probabilities = wrong.filter_map(|target| target.kind().probability(target.values(&said)));
        Mistake {
            row: found.row,
            truth: told(&|target| target.truth(found.row)),
            answer: told(&|target| target.answer(&said)),
            probability: probabilities.reduce(f32::max),
            error: (!self.by_class).then_some(found.weight),
        }
    }
}

impl Judged<'_> {
    fn kind(&self) -> &ReadingKind {
        &self.reading.kind
    }

    fn values<'o>(&self, said: &[&'o [f32]]) -> &'o [f32] {
        &said[self.reading.output][self.reading.first..]
    }

    /// Numbers beside classes are not what an answer is wrong by.
    fn counts(&self, by_class: bool) -> bool {
        self.kind().is_of_classes() == by_class
    }

    /// How bad the answer is, where it is wrong: how sure it is, or how far off.
    fn weight(&self, row: u32, said: &[&[f32]]) -> Option<f64> {
        let values = self.values(said);
        match &self.truth {
            Truth::Classes { names, codes } => {
                let right = names.get(codes[row as usize] as usize).map(String::as_str);
                // A score has no bounds; how far it is from nought says how sure it is.
                let surety = self.kind().probability(values).unwrap_or(values[0].abs());
                (right != Some(self.kind().class(values))).then(|| finite_or(f64::from(surety), 0.0))
            }
            Truth::Numbers { cells, deviation } => {
                let error = (self.kind().number(values) - cells[row as usize]).abs() / deviation;
                Some(finite_or(error, f64::INFINITY))
            }
        }
    }

    fn truth(&self, row: u32) -> Value {
        match &self.truth {
            Truth::Classes { names, codes } => names.get(codes[row as usize] as usize).cloned().into(),
            Truth::Numbers { cells, .. } => json_number(cells[row as usize]),
        }
    }

    fn answer(&self, said: &[&[f32]]) -> Value {
        let values = self.values(said);
        match &self.truth {
            Truth::Classes { .. } => self.kind().class(values).into(),
            Truth::Numbers { .. } if self.kind().scale().is_none() => answer::number(values[0]),
            Truth::Numbers { .. } => json_number(self.kind().number(values)),
        }
    }
}

fn finite_or(value: f64, otherwise: f64) -> f64 {
    if value.is_nan() { otherwise } else { value }
}

fn json_number(value: f64) -> Value {
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

/// The truth of each target of an output. `several`: numbers of different targets have to be compared.
fn truths<'a>(
    output: &ModelOutput,
    dataset: &'a Dataset,
    rows: &[u32],
    several: bool,
) -> Result<Vec<Truth<'a>>, DataError> {
    if output.is_one_of_columns() {
        let names = output.columns.iter().map(|column| column.column.clone()).collect();
        return Ok(vec![Truth::Classes { names, codes: which_holds(output, dataset)? }]);
    }
    let columns = output.columns.iter();
    let truths = columns.map(|column| match column.read(dataset)? {
        TargetValues::Classes(codes) => Ok(Truth::Classes { names: column.classes().to_vec(), codes }),
        TargetValues::Numbers(_) => {
            let cells = numbers(dataset, &column.column)?;
            let deviation = if several { deviation(cells, rows) } else { 1.0 };
            Ok(Truth::Numbers { cells, deviation })
        }
    });
    truths.collect()
}

/// Of columns that are one class each, the index of the one that holds, by row.
fn which_holds(output: &ModelOutput, dataset: &Dataset) -> Result<Vec<u32>, DataError> {
    let mut codes = vec![u32::MAX; dataset.rows()];
    for (class, column) in output.columns.iter().enumerate() {
        if let TargetValues::Classes(holds) = column.read(dataset)? {
            let those = codes.iter_mut().zip(&holds).filter(|(_, holds)| **holds == 1);
            those.for_each(|(code, _)| *code = class as u32);
        }
    }
    Ok(codes)
}

fn numbers<'a>(dataset: &'a Dataset, column: &str) -> Result<&'a [f64], DataError> {
    match dataset.find(column).map(|(index, _)| dataset.column(index)) {
        Some(ColumnData::Numbers(numbers)) => Ok(numbers),
        _ => Err(DataError::Mismatch(format!("column \"{column}\" holds no numbers"))),
    }
}

/// The standard deviation of some rows; 1 where they are all the same.
fn deviation(cells: &[f64], rows: &[u32]) -> f64 {
    let count = rows.len().max(1) as f64;
    let all = || rows.iter().map(|row| cells[*row as usize]);
    let mean = all().sum::<f64>() / count;
    let deviation = (all().map(|cell| (cell - mean).powi(2)).sum::<f64>() / count).sqrt();
    if deviation > 0.0 { deviation } else { 1.0 }
}

/// A row that is answered wrongly, and what was said of it, by output.
#[derive(Clone, Debug)]
struct Found {
    weight: f64,
    row: u32,
    said: Vec<Vec<f32>>,
}

impl Ord for Found {
    /// The worse is the greater; among equals the row that stands first.
    fn cmp(&self, other: &Self) -> Ordering {
        self.weight.total_cmp(&other.weight).then_with(|| other.row.cmp(&self.row))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Found {}

/// The worst so far: however many mistakes there are, so many are held.
struct Worst {
    limit: usize,
    /// The least bad on top.
    held: BinaryHeap<Reverse<Found>>,
}

impl Worst {
    fn new(limit: usize) -> Self {
        Self { limit, held: BinaryHeap::new() }
    }

    /// Rows come in their order: one that is as bad as the least bad stands behind it.
    fn take(&mut self, weight: f64, row: u32, said: &[&[f32]]) {
        if self.held.len() >= self.limit {
            if self.held.peek().is_none_or(|least| weight <= least.0.weight) {
                return;
            }
            self.held.pop();
        }
        let said = said.iter().map(|values| values.to_vec()).collect();
        self.held.push(Reverse(Found { weight, row, said }));
    }

    fn sorted(self) -> Vec<Found> {
        self.held.into_sorted_vec().into_iter().map(|Reverse(found)| found).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn worst(limit: usize, weights: &[f64]) -> Vec<u32> {
        let mut worst = Worst::new(limit);
        for (row, weight) in weights.iter().enumerate() {
            worst.take(*weight, row as u32, &[&[0.0]]);
        }
        worst.sorted().iter().map(|found| found.row).collect()
    }

    #[test]
    fn the_worst_are_held_in_their_order() {
        let weights = [0.5, 0.9, 1.0, 0.6, 1.0, 0.7];
        assert_eq!(worst(3, &weights), [2, 4, 1]);
        assert_eq!(worst(10, &weights), [2, 4, 1, 5, 3, 0]);
        assert_eq!(worst(2, &[f64::INFINITY, 3.0, f64::INFINITY, f64::INFINITY]), [0, 2]);
    }

    #[test]
    fn columns_are_compared_in_deviations() {
        assert_eq!(deviation(&[1.0, 100.0, 3.0], &[0, 2]), 1.0);
        assert_eq!(deviation(&[0.0, 4.0, 7.0], &[0, 1]), 2.0);
        assert_eq!(deviation(&[5.0, 5.0], &[0, 1]), 1.0);
    }
}
