//! What is to be predicted: class indices or numbers.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::dataset::{ColumnData, DataError, Dataset};
use super::import::shown;
use super::numbers::{is_whole, parse_number, whole_name};
use super::storage::NO_CLASS;
use super::transforms::{Operation, Sample, Transform};

/// The most classes that whole numbers may be.
const MOST_CLASSES: usize = 65_536;

/// A target column as a model knows it; kept with the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetColumn {
    pub column: String,
    pub kind: TargetKind,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TargetKind {
    /// Sorted, numerically where all are numbers, else by code point.
    Category {
        classes: Vec<String>,
    },
    Number {
        scale: Option<TargetScale>,
    },
}

/// What `target_transform` does to a number: `(x − mean) / deviation`, of `ln(1 + x)` where it says so.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetScale {
    /// What is subtracted: under `min_max` what becomes 0.
    pub mean: f64,
    /// What it is divided by: under `min_max` what 1 is long.
    pub deviation: f64,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub log: bool,
}

impl TargetScale {
    /// The scale of no transform.
    pub const NONE: Self = Self { mean: 0.0, deviation: 1.0, log: false };

    /// The transforms that a target may have.
    pub const TRANSFORMS: [&str; 3] = ["standardize", "min_max", "log"];

    fn of(operation: &Operation) -> Option<Self> {
        match operation {
            Operation::Scale { subtract, divide } => {
                Some(Self { mean: *subtract, deviation: *divide, ..Self::NONE })
            }
            Operation::Log {} => Some(Self { log: true, ..Self::NONE }),
            _ => None,
        }
    }

    fn apply(&self, number: f64) -> f64 {
        // The training part holds nothing below 0; elsewhere it counts as 0, as the transform's documentation says.
        let number = if self.log { if number < 0.0 { 0.0 } else { number }.ln_1p() } else { number };
        (number - self.mean) / self.deviation
    }

    /// A network's answer in the data set's own terms.
    pub fn undo(&self, value: f64) -> f64 {
        let value = value * self.deviation + self.mean;
        if self.log { value.exp_m1() } else { value }
    }

    /// The deviation of a network's answer in the data set's own terms; of a logarithm, to the first order.
    pub fn undo_deviation(&self, value: f64, deviation: f64) -> f64 {
        let deviation = deviation * self.deviation;
        if self.log { deviation * (self.undo(value) + 1.0) } else { deviation }
    }
}

/// The target of every row of a set (rows whose cell is empty hold anything).
#[derive(Clone, Debug, PartialEq)]
pub enum TargetValues {
    Classes(Vec<u32>),
    /// Scaled, where the target is.
    Numbers(Vec<f32>),
}

impl TargetColumn {
    /// The column as classes: a category, or whole numbers. The error is for the user.
    pub fn category(dataset: &Dataset, column: &str) -> Result<Self, String> {
        let classes = match cells(dataset, column)? {
            ColumnData::Codes(_) => {
                dataset.find(column).map(|(_, column)| column.classes.clone()).unwrap_or_default()
            }
            ColumnData::Numbers(numbers) => whole_classes(numbers)
                .ok_or_else(|| {
                    format!(
                        "column \"{column}\" holds numbers that are no classes; a loss for numbers is \
                         mean_squared_error"
                    )
                })?
                .into_iter()
                .map(|class| class.to_string())
                .collect(),
            _ => return Err(format!("column \"{column}\" is neither a category nor a number")),
        };
        Ok(Self { column: column.to_owned(), kind: TargetKind::Category { classes } })
    }

    /// The column as numbers.
    pub fn number(dataset: &Dataset, column: &str) -> Result<Self, String> {
        match cells(dataset, column)? {
            ColumnData::Numbers(_) => {
                Ok(Self { column: column.to_owned(), kind: TargetKind::Number { scale: None } })
            }
            _ => Err(format!(
                "column \"{column}\" is a category and not a number; a loss for classes is categorical_cross_entropy"
            )),
        }
    }

    /// Whether the column is a category or holds whole numbers alone.
    pub fn may_be_category(dataset: &Dataset, column: &str) -> bool {
        match cells(dataset, column) {
            Ok(ColumnData::Codes(_)) => true,
            Ok(ColumnData::Numbers(numbers)) => whole_classes(numbers).is_some(),
            _ => false,
        }
    }

    /// Fits a transform on the training part. The error is for the user.
    pub fn transform(
        &mut self,
        transform: &Transform,
        dataset: &Dataset,
        train_rows: &[u32],
    ) -> Result<(), String> {
        let ColumnData::Numbers(numbers) = cells(dataset, &self.column)? else {
            return Err(format!(
                "column \"{}\" is a category, and only numbers can be transformed",
                self.column
            ));
        };
        let values: Vec<f64> = train_rows.iter().map(|row| numbers[*row as usize]).collect();
        let fitted = transform.fit(&Sample::Numbers(&values));
        let operation = fitted.map_err(|why| format!("column \"{}\": {why}", self.column))?;
        self.kind = TargetKind::Number { scale: TargetScale::of(&operation) };
        Ok(())
    }

    /// The classes in the order of the network's outputs; empty for numbers.
    pub fn classes(&self) -> &[String] {
        match &self.kind {
            TargetKind::Category { classes } => classes,
            TargetKind::Number { .. } => &[],
        }
    }

    /// The targets of a set, which may be another one than the model was trained on: classes are matched by name.
    pub fn read(&self, dataset: &Dataset) -> Result<TargetValues, DataError> {
        let data = cells(dataset, &self.column).map_err(DataError::Mismatch)?;
        match &self.kind {
            TargetKind::Category { classes } => self.read_classes(dataset, data, classes),
            TargetKind::Number { scale } => {
                let ColumnData::Numbers(numbers) = data else {
                    return Err(DataError::Mismatch(format!("column \"{}\" holds no numbers", self.column)));
                };
                let scale = scale.unwrap_or(TargetScale::NONE);
                Ok(TargetValues::Numbers(numbers.iter().map(|number| scale.apply(*number) as f32).collect()))
            }
        }
    }

    fn read_classes(
        &self,
        dataset: &Dataset,
        data: ColumnData<'_>,
        classes: &[String],
    ) -> Result<TargetValues, DataError> {
        let unknown = |class: &str| {
            DataError::Mismatch(format!(
                "column \"{}\" holds the class {}, which the model does not know",
                self.column,
                shown(class)
            ))
        };
        let known: HashMap<&str, u32> =
            classes.iter().enumerate().map(|(code, class)| (class.as_str(), code as u32)).collect();
        match data {
            ColumnData::Codes(codes) => {
                let own =
                    dataset.find(&self.column).map(|(_, column)| &column.classes[..]).unwrap_or_default();
                if own == classes {
                    return Ok(TargetValues::Classes(codes.to_vec()));
                }
                let map: Vec<u32> = own
                    .iter()
                    .map(|class| by_name(&known, class).ok_or_else(|| unknown(class)))
                    .collect::<Result<_, _>>()?;
                let code = |code: &u32| map.get(*code as usize).copied().unwrap_or(NO_CLASS);
                Ok(TargetValues::Classes(codes.iter().map(code).collect()))
            }
            ColumnData::Numbers(numbers) => {
                let by_value: HashMap<u64, u32> = classes
                    .iter()
                    .enumerate()
                    .filter_map(|(code, class)| Some((parse_number(class)?.to_bits(), code as u32)))
                    .collect();
                let code = |number: &f64| {
                    if number.is_nan() {
                        return Ok(NO_CLASS);
                    }
                    // Adding zero makes the two zeros one.
                    let code = by_value.get(&(number + 0.0).to_bits()).copied();
                    code.ok_or_else(|| unknown(&number.to_string()))
                };
                numbers.iter().map(code).collect::<Result<_, _>>().map(TargetValues::Classes)
            }
            _ => Err(DataError::Mismatch(format!("column \"{}\" holds no classes", self.column))),
        }
    }
}

/// A class by its name, also where one set writes `1` and the other `1.0`.
fn by_name(known: &HashMap<&str, u32>, class: &str) -> Option<u32> {
    known.get(class).copied().or_else(|| {
        let number = parse_number(class).filter(|number| is_whole(*number))?;
        known.get(whole_name(number).as_str()).copied()
    })
}

fn cells<'a>(dataset: &'a Dataset, column: &str) -> Result<ColumnData<'a>, String> {
    let (index, _) = dataset
        .find(column)
        .ok_or_else(|| format!("data set \"{}\" has no column \"{column}\"", dataset.schema().name))?;
    Ok(dataset.column(index))
}

/// The different values, where all are whole and they are not too many.
fn whole_classes(numbers: &[f64]) -> Option<BTreeSet<i64>> {
    let mut classes = BTreeSet::new();
    let mut last = None;
    for number in numbers.iter().copied().filter(|number| !number.is_nan()) {
        if !is_whole(number) {
            return None;
        }
        if last != Some(number as i64) {
            last = Some(number as i64);
            classes.insert(number as i64);
            if classes.len() > MOST_CLASSES {
                return None;
            }
        }
    }
    Some(classes)
}

impl TargetValues {
    pub fn gather_classes(&self, rows: &[u32], out: &mut [i64]) {
        match self {
            Self::Classes(codes) => {
                for (out, row) in out.iter_mut().zip(rows) {
                    *out = i64::from(codes[*row as usize]);
                }
            }
            Self::Numbers(numbers) => {
                for (out, row) in out.iter_mut().zip(rows) {
                    *out = numbers[*row as usize] as i64;
                }
            }
        }
    }

    /// Numbers, or class indices as numbers.
    pub fn gather_numbers(&self, rows: &[u32], out: &mut [f32]) {
        match self {
            Self::Classes(codes) => {
                for (out, row) in out.iter_mut().zip(rows) {
                    *out = codes[*row as usize] as f32;
                }
            }
            Self::Numbers(numbers) => {
                for (out, row) in out.iter_mut().zip(rows) {
                    *out = numbers[*row as usize];
                }
            }
        }
    }

    /// How many of `rows` are of each class.
    pub fn histogram(&self, rows: &[u32], classes: usize) -> Vec<u64> {
        let mut counts = vec![0; classes];
        if let Self::Classes(codes) = self {
            for row in rows {
                if let Some(count) = counts.get_mut(codes[*row as usize] as usize) {
                    *count += 1;
                }
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::csv;

    #[test]
    fn whole_numbers_are_classes_where_a_loss_wants_them() {
        let dataset = csv("d,f,c\n10,0.5,b\n9,1,a\n,2,b\n10,3,a\n");
        let digits = TargetColumn::category(&dataset, "d").unwrap();
        assert_eq!(digits.classes(), ["9", "10"]);
        assert!(TargetColumn::may_be_category(&dataset, "d") && TargetColumn::may_be_category(&dataset, "c"));
        assert!(!TargetColumn::may_be_category(&dataset, "f"));
        assert!(TargetColumn::category(&dataset, "f").unwrap_err().contains("mean_squared_error"));
        assert!(TargetColumn::number(&dataset, "c").unwrap_err().contains("categorical_cross_entropy"));
        let values = digits.read(&dataset).unwrap();
        assert_eq!(values, TargetValues::Classes(vec![1, 0, NO_CLASS, 1]));
        let mut out = [0; 3];
        values.gather_classes(&[3, 1, 0], &mut out);
        assert_eq!(out, [1, 0, 1]);
        assert_eq!(values.histogram(&[0, 1, 3], 2), [1, 2]);
        let mut numbers = [0.0; 2];
        values.gather_numbers(&[3, 1], &mut numbers);
        assert_eq!(numbers, [1.0, 0.0]);
    }

    #[test]
    fn classes_of_another_set_are_matched_by_name() {
        let model = TargetColumn {
            column: "y".into(),
            kind: TargetKind::Category { classes: vec!["0".into(), "1".into(), "2".into()] },
        };
        assert_eq!(model.read(&csv("y\n2\n0\n-0\n")).unwrap(), TargetValues::Classes(vec![2, 0, 0]));
        assert!(
            model.read(&csv("y\n3\n0\n")).unwrap_err().to_string().contains("which the model does not know")
        );
        let model = TargetColumn {
            column: "y".into(),
            kind: TargetKind::Category { classes: vec!["a".into(), "b".into(), "c".into()] },
        };
        assert_eq!(model.read(&csv("y\nc\na\nc\na\n")).unwrap(), TargetValues::Classes(vec![2, 0, 2, 0]));
        assert!(matches!(model.read(&csv("y\nd\na\nd\na\n")), Err(DataError::Mismatch(_))));
        assert!(matches!(model.read(&csv("z\nd\na\nd\na\n")), Err(DataError::Mismatch(_))));
    }

    #[test]
    fn transformed_numbers_come_back() {
        let dataset = csv("y\n10\n20\n30\n1000\n");
        let read = |body: serde_json::Value, rows: &[u32]| {
            let mut errors = crate::spec::SpecErrors::new();
            let transform =
                crate::spec::Field::read(&body, &crate::spec::Pointer::root(), &mut errors).unwrap();
            let mut target = TargetColumn::number(&dataset, "y").unwrap();
            target.transform(&transform, &dataset, rows)?;
            let TargetValues::Numbers(values) = target.read(&dataset).unwrap() else { panic!("numbers") };
            let TargetKind::Number { scale: Some(scale) } = &target.kind else { panic!("scaled") };
            for (value, number) in values.iter().zip([10.0, 20.0, 30.0, 1000.0]) {
                assert!((scale.undo(f64::from(*value)) / number - 1.0).abs() < 1e-5, "{body}");
            }
            let kept = serde_json::to_string(&target).unwrap();
            assert_eq!(serde_json::from_str::<TargetColumn>(&kept).unwrap(), target);
            Ok::<_, String>(values)
        };
        let values = read("standardize".into(), &[0, 1, 2]).unwrap();
        assert!((values[0] + 1.224_745).abs() < 1e-6 && values[1] == 0.0);
        assert_eq!(read("min_max".into(), &[0, 1, 2]).unwrap()[..3], [0.0, 0.5, 1.0]);
        assert!((read("log".into(), &[0, 1, 2]).unwrap()[0] - 11_f32.ln()).abs() < 1e-6);
        assert!(read("standardize".into(), &[0]).unwrap_err().contains("one value alone"));
        // As it was kept before there were logarithms.
        let kept = r#"{"column":"y","kind":{"number":{"scale":{"mean":20.0,"deviation":4.0}}}}"#;
        assert_eq!(
            serde_json::to_string(&serde_json::from_str::<TargetColumn>(kept).unwrap()).unwrap(),
            kept
        );
    }
}
