//! What each example counts in the training loss.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::plan::Objective;
use crate::data::{ColumnData, DataError, Dataset, TargetValues};
use crate::spec::field::{did_you_mean, found};
use crate::spec::{Field, NonNegative, Pointer, SpecErrors};

/// What the examples of each class count.
#[derive(Clone, Debug, PartialEq)]
pub enum ClassWeight {
    /// As much as there are few of them: `examples / (classes · examples of the class)`.
    Balanced,
    /// By class; 1 where it is absent.
    ByClass(BTreeMap<String, NonNegative>),
}

impl Field for ClassWeight {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        if value == "balanced" {
            return Some(Self::Balanced);
        }
        if !value.is_object() {
            errors.push(
                at,
                format!("must be \"balanced\" or an object of numbers by class, not {}", found(value)),
            );
            return None;
        }
        BTreeMap::read(value, at, errors).map(Self::ByClass)
    }

    fn write(&self) -> Value {
        match self {
            Self::Balanced => json!("balanced"),
            Self::ByClass(weights) => weights.write(),
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"const": "balanced"}, BTreeMap::<String, NonNegative>::schema()]})
    }
}

/// Notes weights of classes that there are none of.
pub(super) fn check_class_weight(
    weight: &ClassWeight,
    objectives: &[Objective],
    at: &Pointer,
    errors: &mut SpecErrors,
) {
    let [objective] = objectives else {
        return errors
            .push(at, "weighs the classes of one target, and there are several losses: take loss_weights");
    };
    let Some(classes) = objective.classes() else {
        return errors.push(at, "weighs classes, and the target is no single one of classes");
    };
    if let ClassWeight::ByClass(weights) = weight {
        for class in weights.keys().filter(|class| !classes.contains(class)) {
            let hint = did_you_mean(class, classes.iter().map(String::as_str));
            errors.push(&at.key(class), format!("\"{class}\" is not a class of the target{hint}"));
        }
    }
}

/// Notes a column that cannot weigh examples.
pub(super) fn check_sample_weight(dataset: &Dataset, column: &str, at: &Pointer, errors: &mut SpecErrors) {
    let Some((index, _)) = dataset.find(column) else {
        let columns = dataset.schema().columns.iter().map(|column| column.name.as_str());
        let hint = did_you_mean(column, columns);
        return errors.push(at, format!("the data set has no column \"{column}\"{hint}"));
    };
    let ColumnData::Numbers(numbers) = dataset.column(index) else {
        return errors.push(at, format!("column \"{column}\" holds no numbers, and a weight is one"));
    };
    let wrong = numbers.iter().position(|number| !number.is_finite() || *number < 0.0);
    if let Some(row) = wrong {
        let what = if numbers[row].is_nan() { "is empty".to_owned() } else { format!("is {}", numbers[row]) };
        let detail =
            format!("row {row} of column \"{column}\" {what}, and a weight is a number of at least 0");
        errors.push(at, detail);
    }
}

/// What every row of a set counts; nothing where all count the same.
pub(super) fn weights(
    dataset: &Dataset,
    objectives: &[Objective],
    class_weight: Option<&ClassWeight>,
    sample_weight: Option<&str>,
    train: &[u32],
) -> Result<Option<Arc<Vec<f32>>>, DataError> {
    if class_weight.is_none() && sample_weight.is_none() {
        return Ok(None);
    }
    let mut weights = vec![1.0_f64; dataset.rows()];
    if let (Some(class_weight), [objective]) = (class_weight, objectives) {
        let classes = objective.classes().unwrap_or_default();
        let own = row_classes(dataset, objective)?;
        let by_class = by_class(class_weight, &classes, &own, train);
        for (weight, class) in weights.iter_mut().zip(&own) {
            *weight *= by_class.get(*class).copied().unwrap_or(1.0);
        }
    }
    if let Some(column) = sample_weight
        && let Some((index, _)) = dataset.find(column)
        && let ColumnData::Numbers(numbers) = dataset.column(index)
    {
        weights.iter_mut().zip(numbers).for_each(|(weight, number)| *weight *= number);
    }
    Ok(Some(Arc::new(weights.into_iter().map(|weight| weight as f32).collect())))
}

/// The class of every row; beyond the classes where it has none.
fn row_classes(dataset: &Dataset, objective: &Objective) -> Result<Vec<usize>, DataError> {
    let columns: Vec<TargetValues> =
        objective.columns.iter().map(|column| column.read(dataset)).collect::<Result<_, _>>()?;
    let rows: Vec<u32> = (0..dataset.rows() as u32).collect();
    let mut classes = vec![0_i64; rows.len()];
    super::feed::gather_class_indices(&columns, &rows, &mut classes);
    Ok(classes.into_iter().map(|class| class as usize).collect())
}

fn by_class(weight: &ClassWeight, classes: &[String], own: &[usize], train: &[u32]) -> Vec<f64> {
    match weight {
        ClassWeight::ByClass(weights) => {
            let of = |class: &String| weights.get(class).map_or(1.0, |weight| weight.get());
            classes.iter().map(of).collect()
        }
        ClassWeight::Balanced => {
            let mut counts = vec![0_u64; classes.len()];
            for row in train {
                if let Some(count) = counts.get_mut(own[*row as usize]) {
                    *count += 1;
                }
            }
            let even = train.len() as f64 / classes.len().max(1) as f64;
            counts.into_iter().map(|count| even / count.max(1) as f64).collect()
        }
    }
}
