//! Which rows are trained on, which are held out.

use std::collections::HashMap;
use std::ops::Range;

use super::columns::resolve_columns;
use super::dataset::{ColumnData, Dataset};
use super::keys;
use crate::random::Stream;
use crate::spec::dataset::{DatasetRef, DatasetSchema, Holdout, Kind};
use crate::spec::field::did_you_mean;
use crate::spec::{Pointer, SpecErrors};

/// The rows of each part, ascending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Partition {
    pub train: Vec<u32>,
    pub validation: Vec<u32>,
    pub test: Vec<u32>,
    pub warnings: Vec<String>,
}

/// How many rows each part has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionCounts {
    pub train: u64,
    pub validation: u64,
    pub test: u64,
    pub warnings: Vec<String>,
}

/// Draws the parts: the test part first, the validation part from what remains. `stratify`: fractions are drawn by
/// class of the (single) target. `at` is where `reference` stands.
pub fn partition(
    dataset: &Dataset,
    reference: &DatasetRef,
    stratify: bool,
    seed: u64,
    at: &Pointer,
) -> Result<Partition, SpecErrors> {
    let (sources, targets) = resolve(dataset.schema(), reference, at)?;
    let strata = match targets[..] {
        [target] if stratify => Some(strata(dataset, target)),
        _ => None,
    };
    let mut rest = present(dataset, &targets, &sources.train);
    let mut parts = [Vec::new(), Vec::new()];
    for (part, holdout) in parts.iter_mut().zip(&sources.holdouts) {
        *part = match &holdout.rows {
            HeldRows::None => Vec::new(),
            HeldRows::Split(rows) => present(dataset, &targets, rows),
            HeldRows::Every { every, offset } => {
                let start = sources.train.start;
                rest.extract_if(.., |row| (u64::from(*row) - start) % every == *offset).collect()
            }
            HeldRows::Fraction(fraction) => {
                let taken = fraction_count(rest.len() as u64, *fraction)
                    .ok_or_else(|| holdout.too_few(rest.len() as u64))?;
                let order = Stream::new(seed, holdout.stream).at(0).permutation(rest.len());
                draw(&mut rest, &order, taken, strata.as_deref())
            }
            HeldRows::Fold { fold, folds } => {
                fold_count(rest.len() as u64, *fold, *folds)
                    .ok_or_else(|| holdout.too_few_for(rest.len() as u64, *folds))?;
                let order = Stream::new(seed, holdout.stream).at(0).permutation(rest.len());
                deal(&mut rest, &order, (*fold, *folds), strata.as_deref())
            }
            HeldRows::Groups { fraction, column } => {
                let groups = keys::groups(dataset, *column, &rest);
                let stream = Stream::new(seed, holdout.stream);
                draw_groups(&mut rest, &groups, *fraction, stream).ok_or_else(|| holdout.one_group())?
            }
            HeldRows::Last { fraction, column } => {
                let taken = fraction_count(rest.len() as u64, *fraction)
                    .ok_or_else(|| holdout.too_few(rest.len() as u64))?;
                take_last(&mut rest, &keys::ranks(dataset, *column), taken)
            }
        };
        holdout.check(part.len() as u64)?;
    }
    let [test, validation] = parts;
    let counts = [rest.len(), validation.len(), test.len()].map(|rows| rows as u64);
    let warnings = sources.verdict(reference, counts, at)?;
    Ok(Partition { train: rest, validation, test, warnings })
}

/// The sizes of the parts that `partition` will draw, without drawing. (Where a validation part by `every` is taken
/// from what a drawn test part leaves, its size is that of the rows before the draw, and where groups are drawn it is the
/// size that is meant.)
pub fn partition_counts(
    dataset: &Dataset,
    reference: &DatasetRef,
    at: &Pointer,
) -> Result<PartitionCounts, SpecErrors> {
    let schema = dataset.schema();
    let (sources, targets) = resolve(schema, reference, at)?;
    let complete = targets.iter().all(|target| schema.columns[*target].missing == 0);
    let count = |rows: &Range<u64>, holds: &dyn Fn(u64) -> bool| -> u64 {
        rows.clone()
            .filter(|row| {
                holds(*row) && targets.iter().all(|target| !dataset.is_missing(*target, *row as usize))
            })
            .count() as u64
    };
    let whole = |rows: &Range<u64>| if complete { rows.end - rows.start } else { count(rows, &|_| true) };
    let mut rest = whole(&sources.train);
    let mut parts = [0, 0];
    // What `every` takes out in the first part is not there for the second.
    let mut taken: Vec<(u64, u64)> = Vec::new();
    for (part, holdout) in parts.iter_mut().zip(&sources.holdouts) {
        *part = match &holdout.rows {
            HeldRows::None => 0,
            HeldRows::Split(rows) => whole(rows),
            HeldRows::Every { every, offset } => {
                let start = sources.train.start;
                let held = count(&sources.train, &|row| {
                    let index = row - start;
                    index % every == *offset && taken.iter().all(|(every, offset)| index % every != *offset)
                });
                taken.push((*every, *offset));
                rest -= held.min(rest);
                held
            }
            HeldRows::Fold { fold, folds } => {
                let held =
                    fold_count(rest, *fold, *folds).ok_or_else(|| holdout.too_few_for(rest, *folds))?;
                rest -= held;
                held
            }
            HeldRows::Fraction(fraction)
            | HeldRows::Groups { fraction, .. }
            | HeldRows::Last { fraction, .. } => {
                let held = fraction_count(rest, *fraction).ok_or_else(|| holdout.too_few(rest))?;
                rest -= held;
                held
            }
        };
        holdout.check(*part)?;
    }
    let [test, validation] = parts;
    let warnings = sources.verdict(reference, [rest, validation, test], at)?;
    Ok(PartitionCounts { train: rest, validation, test, warnings })
}

/// The mistakes of a reference's parts alone, for one whose columns are refused.
pub fn check_parts(schema: &DatasetSchema, reference: &DatasetRef, at: &Pointer) -> SpecErrors {
    Sources::find(schema, reference, at).err().unwrap_or_default()
}

/// Where the parts come from, and the columns that a row must have; the mistakes of both.
fn resolve(
    schema: &DatasetSchema,
    reference: &DatasetRef,
    at: &Pointer,
) -> Result<(Sources, Vec<usize>), SpecErrors> {
    match (Sources::find(schema, reference, at), resolve_columns(schema, reference, at)) {
        (Ok(sources), Ok(columns)) => Ok((sources, columns.targets)),
        (Err(mut errors), Err(more)) => {
            errors.extend(more);
            Err(errors)
        }
        (Err(errors), _) | (_, Err(errors)) => Err(errors),
    }
}

/// Where the parts come from.
struct Sources {
    train: Range<u64>,
    /// Test, then validation.
    holdouts: [HeldOut; 2],
    /// Rows that the parts come from, those without a target included.
    uploaded: u64,
}

struct HeldOut {
    rows: HeldRows,
    stream: &'static str,
    at: Pointer,
}

enum HeldRows {
    None,
    Split(Range<u64>),
    Every { every: u64, offset: u64 },
    Fraction(f64),
    Groups { fraction: f64, column: usize },
    Last { fraction: f64, column: usize },
    Fold { fold: u64, folds: u64 },
}

impl HeldOut {
    fn too_few_for(&self, rows: u64, folds: u64) -> SpecErrors {
        let detail = format!("{rows} row(s) cannot be dealt into {folds} folds, of which each needs one");
        SpecErrors::of(&self.at, detail)
    }

    fn one_group(&self) -> SpecErrors {
        let detail =
            "all rows are of one group, which cannot stand on both sides; a part and its rest need one each";
        SpecErrors::of(&self.at.key("group"), detail)
    }

    fn too_few(&self, rows: u64) -> SpecErrors {
        SpecErrors::of(
            &self.at,
            format!("{rows} row(s) cannot be parted: a part and its rest need one row each"),
        )
    }

    fn check(&self, rows: u64) -> Result<(), SpecErrors> {
        if rows == 0 && !matches!(self.rows, HeldRows::None) {
            return Err(SpecErrors::of(&self.at, "holds no row with a target"));
        }
        Ok(())
    }
}

impl Sources {
    fn find(schema: &DatasetSchema, reference: &DatasetRef, at: &Pointer) -> Result<Self, SpecErrors> {
        let mut errors = SpecErrors::new();
        let train_name = reference.split.as_deref().unwrap_or_else(|| default_split(schema));
        let train = find_split(schema, train_name, &at.key("split"), &mut errors);
        let default_test = Holdout::Split("test".to_owned());
        let test = reference
            .test
            .as_ref()
            .or_else(|| (train_name != "test" && schema.split("test").is_some()).then_some(&default_test));
        let mut names: Vec<String> = vec![train_name.to_owned()];
        let mut hold = |holdout: Option<&Holdout>, member: &str, stream: &'static str| -> HeldOut {
            let at = at.key(member);
            let rows = match holdout {
                None => HeldRows::None,
                Some(Holdout::Fraction(fraction)) => HeldRows::Fraction(fraction.get()),
                Some(Holdout::Fold { fold, folds }) => HeldRows::Fold { fold: *fold, folds: *folds },
                Some(Holdout::Every { every, offset }) => HeldRows::Every { every: *every, offset: *offset },
                Some(by @ (Holdout::Group { fraction, .. } | Holdout::Last { fraction, .. })) => {
                    let fraction = fraction.get();
                    match (by, find_key(schema, by, &at, &mut errors)) {
                        (_, None) => HeldRows::None,
                        (Holdout::Group { .. }, Some(column)) => HeldRows::Groups { fraction, column },
                        (_, Some(column)) => HeldRows::Last { fraction, column },
                    }
                }
                Some(Holdout::Split(name)) => {
                    let at = at.key("split");
                    if names.contains(name) {
                        errors
                            .push(&at, format!("split \"{name}\" is in use already; parts must not overlap"));
                    }
                    names.push(name.clone());
                    find_split(schema, name, &at, &mut errors).map_or(HeldRows::None, HeldRows::Split)
                }
            };
            HeldOut { rows, stream, at }
        };
        let test = hold(test, "test", "split/test");
        let validation = hold(reference.validation.as_ref(), "validation", "split/validation");
        let Some(train) = train else { return Err(errors) };
        let length = |rows: &Range<u64>| rows.end - rows.start;
        let of_split = |holdout: &HeldOut| match &holdout.rows {
            HeldRows::Split(rows) => length(rows),
            _ => 0,
        };
        let uploaded = length(&train) + of_split(&test) + of_split(&validation);
        errors.into_result(Some(Self { train, holdouts: [test, validation], uploaded }))
    }

    /// Looks at what the parts came to; `counts` are train, validation and test.
    fn verdict(
        &self,
        reference: &DatasetRef,
        counts: [u64; 3],
        at: &Pointer,
    ) -> Result<Vec<String>, SpecErrors> {
        if counts[0] == 0 {
            let at = if reference.split.is_some() { at.key("split") } else { at.clone() };
            return Err(SpecErrors::of(&at, "no row with a target is left to train on"));
        }
        let left_out = self.uploaded - counts.iter().sum::<u64>();
        if left_out == 0 {
            return Ok(Vec::new());
        }
        let rows =
            if left_out == 1 { "row whose target is empty is" } else { "rows whose target is empty are" };
        Ok(vec![format!("{left_out} {rows} left out")])
    }
}

/// `train`, or `all` where the set has no splits.
fn default_split(schema: &DatasetSchema) -> &str {
    match &schema.splits[..] {
        [(only, _)] => only,
        _ => "train",
    }
}

fn find_split(
    schema: &DatasetSchema,
    name: &str,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Range<u64>> {
    let found = schema.split(name);
    if found.is_none() {
        let names = || schema.splits.iter().map(|(name, _)| name.as_str());
        let splits: Vec<&str> = names().collect();
        let hint = did_you_mean(name, names());
        errors.push(
            at,
            format!(
                "data set \"{}\" has no split \"{name}\"{hint}; its splits: {}",
                schema.name,
                splits.join(", ")
            ),
        );
    }
    found
}

/// The column by which rows are parted.
fn find_key(schema: &DatasetSchema, by: &Holdout, at: &Pointer, errors: &mut SpecErrors) -> Option<usize> {
    let (name, member) = by.column()?;
    let at = at.key(member);
    let Some(index) = schema.columns.iter().position(|column| column.name == name) else {
        let hint = did_you_mean(name, schema.columns.iter().map(|column| column.name.as_str()));
        errors.push(&at, format!("data set \"{}\" has no column \"{name}\"{hint}", schema.name));
        return None;
    };
    let column = &schema.columns[index];
    if !matches!(column.kind, Kind::Number | Kind::Category | Kind::Text) {
        errors.push(&at, format!("column \"{name}\" is of kind {}, which parts no rows", column.kind));
        return None;
    }
    if member == "order" && column.missing > 0 {
        let detail = format!(
            "column \"{name}\" has {} empty cell(s), which have no place in its order",
            column.missing
        );
        errors.push(&at, detail);
        return None;
    }
    Some(index)
}

/// How many of `rows` a fraction is: at least one, and at least one is left.
fn fraction_count(rows: u64, fraction: f64) -> Option<u64> {
    (rows >= 2).then(|| ((rows as f64 * fraction).round() as u64).clamp(1, rows - 1))
}

/// The rows that have all their targets.
fn present(dataset: &Dataset, targets: &[usize], rows: &Range<u64>) -> Vec<u32> {
    let incomplete: Vec<usize> =
        targets.iter().copied().filter(|target| dataset.schema().columns[*target].missing > 0).collect();
    (rows.start as u32..rows.end as u32)
        .filter(|row| incomplete.iter().all(|target| !dataset.is_missing(*target, *row as usize)))
        .collect()
}

/// A number for the class of each row.
fn strata(dataset: &Dataset, target: usize) -> Vec<u32> {
    match dataset.column(target) {
        ColumnData::Codes(codes) => codes.to_vec(),
        ColumnData::Numbers(numbers) => {
            // Sorted, so that the strata do not depend on the order of rows.
            let mut different: Vec<f64> = numbers.to_vec();
            different.sort_by(f64::total_cmp);
            different.dedup();
            let codes: HashMap<u64, u32> =
                different.iter().enumerate().map(|(code, number)| (number.to_bits(), code as u32)).collect();
            numbers.iter().map(|number| codes.get(&number.to_bits()).copied().unwrap_or(u32::MAX)).collect()
        }
        _ => vec![0; dataset.rows()],
    }
}

/// Takes `count` of the rows out, in the drawn order; of each class its share, where there are classes.
fn draw(rows: &mut Vec<u32>, order: &[u32], count: u64, strata: Option<&[u32]>) -> Vec<u32> {
    let mut taken = vec![false; rows.len()];
    match strata {
        None => order.iter().take(count as usize).for_each(|place| taken[*place as usize] = true),
        Some(strata) => {
            let mut quotas = quotas(rows.iter().map(|row| strata[*row as usize]), count);
            for place in order {
                if let Some(left) = quotas.get_mut(&strata[rows[*place as usize] as usize])
                    && *left > 0
                {
                    *left -= 1;
                    taken[*place as usize] = true;
                }
            }
        }
    }
    let mut places = taken.into_iter();
    rows.extract_if(.., |_| places.next() == Some(true)).collect()
}

/// How many of the rows a fold has; none where there are fewer than folds.
fn fold_count(rows: u64, fold: u64, folds: u64) -> Option<u64> {
    (rows >= folds).then(|| rows / folds + u64::from(fold <= rows % folds))
}

/// Takes the rows of a fold out, which are dealt in a drawn order; where there are classes, one class after another, so
/// that each fold has its share of each.
fn deal(rows: &mut Vec<u32>, order: &[u32], (fold, folds): (u64, u64), strata: Option<&[u32]>) -> Vec<u32> {
    let mut dealt: Vec<usize> = order.iter().map(|place| *place as usize).collect();
    if let Some(strata) = strata {
        dealt.sort_by_key(|place| strata[rows[*place] as usize]);
    }
    let mut taken = vec![false; rows.len()];
    for place in dealt.iter().skip(fold as usize - 1).step_by(folds as usize) {
        taken[*place] = true;
    }
    let mut places = taken.into_iter();
    rows.extract_if(.., |_| places.next() == Some(true)).collect()
}

/// Takes whole groups out, in a drawn order, each that brings their rows nearer to the fraction; none where there is one
/// group alone. `groups` are the rows' own, numbered from nought.
fn draw_groups(rows: &mut Vec<u32>, groups: &[u32], fraction: f64, stream: Stream) -> Option<Vec<u32>> {
    let count = groups.iter().max().map_or(0, |last| *last as usize + 1);
    if count < 2 {
        return None;
    }
    let mut sizes = vec![0_u64; count];
    for group in groups {
        sizes[*group as usize] += 1;
    }
    let wanted = fraction_count(rows.len() as u64, fraction)?;
    let (mut taken, mut held, mut left) = (vec![false; count], 0, count);
    let order = stream.at(0).permutation(count);
    for group in &order {
        let size = sizes[*group as usize];
        // Not the last group, and one that takes the part further over than it lay under is left.
        if left > 1 && held < wanted && (held + size).saturating_sub(wanted) <= wanted - held {
            taken[*group as usize] = true;
            held += size;
            left -= 1;
        }
    }
    if held == 0 {
        // Every group is large: the smallest is nearest, the first drawn of several.
        let smallest = order.iter().min_by_key(|group| sizes[**group as usize])?;
        taken[*smallest as usize] = true;
    }
    let mut own = groups.iter();
    Some(rows.extract_if(.., |_| own.next().is_some_and(|group| taken[*group as usize])).collect())
}

/// Takes out the `count` rows of the highest ranks; of equal ones those that stand last.
fn take_last(rows: &mut Vec<u32>, ranks: &[u32], count: u64) -> Vec<u32> {
    let mut order: Vec<u32> = rows.clone();
    order.sort_by_key(|row| (ranks[*row as usize], *row));
    let mut last: Vec<u32> = order.split_off(order.len() - count as usize);
    last.sort_unstable();
    rows.retain(|row| last.binary_search(row).is_err());
    last
}

/// How many of each class make up `count`: proportional, by largest remainder, and no class is taken whole where that
/// can be helped.
fn quotas(classes: impl Iterator<Item = u32>, count: u64) -> HashMap<u32, u64> {
    let mut sizes: HashMap<u32, u64> = HashMap::new();
    let mut rows = 0_u64;
    for class in classes {
        *sizes.entry(class).or_default() += 1;
        rows += 1;
    }
    let mut classes: Vec<(u32, u64)> = sizes.into_iter().collect();
    classes.sort_unstable();
    // In whole numbers, so that no rounding decides.
    let share = |size: u64| (u128::from(size) * u128::from(count) / u128::from(rows)) as u64;
    let remainder = |size: u64| u128::from(size) * u128::from(count) % u128::from(rows);
    let mut quotas: HashMap<u32, u64> =
        classes.iter().map(|(class, size)| (*class, share(*size).min(size - 1))).collect();
    let mut left = count - quotas.values().sum::<u64>();
    classes.sort_by_key(|(class, size)| (std::cmp::Reverse(remainder(*size)), *class));
    for spare in [1, 0] {
        while left > 0 {
            let before = left;
            for (class, size) in &classes {
                let quota = quotas.entry(*class).or_default();
                if left > 0 && *quota + spare < *size {
                    *quota += 1;
                    left -= 1;
                }
            }
            if left == before {
                break;
            }
        }
    }
    quotas
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::data::testing::{Upload, at, csv, images_and_labels, reference, tar};
    use crate::data::{Dataset, Format};
    use std::sync::Arc;

    /// Ten rows of each of `c0` to `c<classes>`, one behind the other.
    fn classes(classes: usize, each: usize) -> Arc<Dataset> {
        let mut text = String::from("x,class\n");
        for row in 0..classes * each {
            writeln!(text, "{row},c{}", row / each).unwrap();
        }
        csv(&text)
    }

    fn split(dataset: &Dataset, body: Value, seed: u64) -> Partition {
        let reference = reference(body);
        let drawn = partition(dataset, &reference, true, seed, &at()).unwrap();
        let counts = partition_counts(dataset, &reference, &at()).unwrap();
        assert_eq!(
            [counts.train, counts.validation, counts.test],
            [drawn.train.len(), drawn.validation.len(), drawn.test.len()].map(|rows| rows as u64)
        );
        assert_eq!(counts.warnings, drawn.warnings);
        drawn
    }

    fn refusal(dataset: &Dataset, body: Value) -> String {
        let reference = reference(body);
        let drawn = partition(dataset, &reference, true, 0, &at()).unwrap_err().to_string();
        assert_eq!(partition_counts(dataset, &reference, &at()).unwrap_err().to_string(), drawn);
        drawn
    }

    #[test]
    fn every_counts_rows_as_uploaded() {
        let mut text = String::from("x,y\n");
        for row in 0..20 {
            // The targets of rows 4 and 5 are empty.
            let target = if row == 4 || row == 5 { String::new() } else { format!("{}", row % 2) };
            writeln!(text, "{row},{target}").unwrap();
        }
        let dataset = csv(&text);
        let parts = split(&dataset, json!({"target": "y", "test": {"every": 5, "offset": 4}}), 1);
        assert_eq!(parts.test, [9, 14, 19]);
        assert_eq!(parts.train, [0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 15, 16, 17, 18]);
        assert_eq!(parts.warnings, ["2 rows whose target is empty are left out"]);
        let parts =
            split(&dataset, json!({"target": "y", "test": {"every": 5}, "validation": {"every": 2}}), 1);
        assert_eq!(parts.test, [0, 10, 15]);
        assert_eq!(parts.validation, [2, 6, 8, 12, 14, 16, 18]);
    }

    #[test]
    fn the_set_s_own_splits_are_used() {
        let [train, train_labels] = images_and_labels(60, 1, 1);
        let [test, test_labels] = images_and_labels(30, 1, 1);
        let archive = tar(&[
            ("train-images", &train),
            ("train-labels", &train_labels),
            ("t10k-images", &test),
            ("t10k-labels", &test_labels),
        ]);
        let dataset = Upload::new(Format::Idx, &archive).import().unwrap().open();
        let parts = split(&dataset, json!({"target": "label", "validation": {"fraction": 0.1}}), 3);
        assert_eq!(parts.test, (60..90).collect::<Vec<u32>>());
        assert_eq!((parts.train.len(), parts.validation.len()), (54, 6));
        // Of three classes of twenty rows each, two of each.
        let mut of_class = [0; 3];
        parts.validation.iter().for_each(|row| of_class[*row as usize % 3] += 1);
        assert_eq!(of_class, [2, 2, 2]);
        let parts = split(&dataset, json!({"target": "label", "split": "test"}), 3);
        assert_eq!((parts.train.len(), parts.test.len()), (30, 0));
        let parts = split(
            &dataset,
            json!({"target": "label", "validation": {"split": "test"}, "test": {"fraction": 0.5}}),
            3,
        );
        assert_eq!((parts.train.len(), parts.validation.len(), parts.test.len()), (30, 30, 30));
        assert_eq!(
            refusal(&dataset, json!({"target": "label", "validation": {"split": "test"}})),
            "/training/dataset/validation/split: split \"test\" is in use already; parts must not overlap"
        );
        assert_eq!(
            refusal(&dataset, json!({"target": "label", "split": "trian"})),
            "/training/dataset/split: data set \"test\" has no split \"trian\"; did you mean \"train\"?; its splits: \
             train, test"
        );
    }

    #[test]
    fn parts_that_cannot_be_are_refused() {
        let dataset = csv("x,y\n1,0\n2,\n3,\n");
        assert_eq!(
            refusal(&dataset, json!({"target": "y", "validation": {"fraction": 0.5}})),
            "/training/dataset/validation: 1 row(s) cannot be parted: a part and its rest need one row each"
        );
        assert_eq!(
            refusal(&dataset, json!({"target": "y", "test": {"every": 3, "offset": 1}})),
            "/training/dataset/test: holds no row with a target"
        );
        assert_eq!(
            refusal(&dataset, json!({"target": "y", "test": {"every": 3, "offset": 0}})),
            "/training/dataset: no row with a target is left to train on"
        );
    }

    #[test]
    fn streams_do_not_shift_one_another() {
        let dataset = classes(4, 25);
        let one = split(&dataset, json!({"target": "class", "test": {"fraction": 0.2}}), 5);
        let both = split(
            &dataset,
            json!({"target": "class", "test": {"fraction": 0.2}, "validation": {"fraction": 0.1}}),
            5,
        );
        assert_eq!(one.test, both.test);
        assert_ne!(one.test, split(&dataset, json!({"target": "class", "test": {"fraction": 0.2}}), 6).test);
    }

    #[test]
    fn groups_stay_together() {
        let mut text = String::from("patient,x,y\n");
        for row in 0..60 {
            // Twelve patients of five rows each, and rows of nobody.
            let patient = if row % 10 == 9 { String::new() } else { format!("p{}", row % 12) };
            writeln!(text, "{patient},{row},{}", row % 2).unwrap();
        }
        let dataset = csv(&text);
        let body = json!({"target": "y", "test": {"fraction": 0.2, "group": "patient"},
            "validation": {"fraction": 0.25, "group": "patient"}});
        let draw = |seed| partition(&dataset, &reference(body.clone()), true, seed, &at()).unwrap();
        let patients = |rows: &[u32]| -> std::collections::BTreeSet<u32> {
            rows.iter().filter(|row| *row % 10 != 9).map(|row| row % 12).collect()
        };
        for seed in 0..20 {
            let parts = draw(seed);
            let [train, validation, test] =
                [&parts.train, &parts.validation, &parts.test].map(|rows| patients(rows));
            assert!(
                train.is_disjoint(&validation) && train.is_disjoint(&test) && validation.is_disjoint(&test)
            );
            assert_eq!(parts.train.len() + parts.validation.len() + parts.test.len(), 60);
            assert!((10..=14).contains(&parts.test.len()), "{}", parts.test.len());
            assert!((9..=15).contains(&parts.validation.len()), "{}", parts.validation.len());
            assert_eq!(parts, draw(seed));
        }
        assert_ne!(draw(0).test, draw(1).test);
        let one = csv("g,y\na,0\na,1\na,0\n");
        let refused = partition(
            &one,
            &reference(json!({"target": "y", "input": "g", "test": {"fraction": 0.5, "group": "g"}})),
            true,
            0,
            &at(),
        );
        assert!(
            refused
                .unwrap_err()
                .to_string()
                .starts_with("/training/dataset/test/group: all rows are of one group")
        );
        let large = csv("g,y\na,0\na,1\nb,0\nb,0\nb,1\n");
        let parts = partition(
            &large,
            &reference(json!({"target": "y", "input": "g", "test": {"fraction": 0.1, "group": "g"}})),
            true,
            0,
            &at(),
        );
        assert_eq!(parts.unwrap().test, [0, 1]);
    }

    #[test]
    fn the_last_part_of_an_order_is_held_out() {
        let dataset = csv(
            "when,day,y\n2024-01-03,3,0\n2024-01-01,1,1\n2023-12-31,-1,0\n2024-01-02,2,1\n2024-01-02,2,0\n",
        );
        for column in ["when", "day"] {
            let body = json!({"target": "y", "test": {"fraction": 0.2, "order": column},
                "validation": {"fraction": 0.25, "order": column}});
            let parts = split(&dataset, body, 3);
            assert_eq!(
                (&parts.test[..], &parts.validation[..], &parts.train[..]),
                (&[0][..], &[4][..], &[1, 2, 3][..]),
                "{column}"
            );
        }
        let fails = |dataset: &Dataset, part: Value| {
            refusal(dataset, json!({"target": "y", "input": "day", "validation": part}))
        };
        assert_eq!(
            fails(&dataset, json!({"fraction": 0.2, "order": "whenn"})),
            "/training/dataset/validation/order: data set \"test\" has no column \"whenn\"; did you mean \"when\"?"
        );
        let gap = csv("day,y\n1,0\n,1\n3,0\n");
        assert!(fails(&gap, json!({"fraction": 0.5, "order": "day"})).contains("has 1 empty cell(s)"));
    }

    #[test]
    fn rare_classes_stay_in_training() {
        let mut text = String::from("x,class\n");
        for row in 0..40 {
            writeln!(text, "{row},{}", if row < 2 { "rare" } else { "common" }).unwrap();
        }
        let dataset = csv(&text);
        for seed in 0..20 {
            let parts = split(&dataset, json!({"target": "class", "validation": {"fraction": 0.9}}), seed);
            assert!(parts.train.iter().any(|row| *row < 2), "{seed}");
            assert_eq!(parts.validation.len(), 36);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn parts_hold_every_row_once(
            count in 1_usize..6, each in 3_usize..30, test in 0.05..0.6_f64, validation in 0.05..0.6_f64, seed in 0_u64..1000,
        ) {
            let dataset = classes(count, each);
            let body = json!({
                "target": "class", "input": "x", "test": {"fraction": test}, "validation": {"fraction": validation},
            });
            if partition_counts(&dataset, &reference(body.clone()), &at()).is_err() {
                return Ok(());
            }
            let target_is_text = count * 2 > count * each;
            prop_assume!(!target_is_text);
            let parts = split(&dataset, body.clone(), seed);
            prop_assert_eq!(&split(&dataset, body, seed), &parts);
            let rows = (count * each) as f64;
            prop_assert_eq!(parts.test.len(), ((rows * test).round() as usize).max(1));
            for part in [&parts.train, &parts.validation, &parts.test] {
                prop_assert!(part.is_sorted());
            }
            for class in 0..count {
                let held = parts.test.iter().filter(|row| **row as usize / each == class).count() as f64;
                prop_assert!((held - each as f64 * test).abs() <= 1.5);
            }
            let mut all = [parts.train, parts.validation, parts.test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..rows as u32).collect::<Vec<u32>>());
        }
    }
}
