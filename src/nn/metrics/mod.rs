//! Metrics: what people read off a run. One file each; what several of them count stands in `mean`, `tally` and `scores`.

mod mean;
mod scores;
mod tally;

use tch::Tensor;

use crate::nn::losses::Task;

use mean::Mean;

crate::components! {
    /// What is measured beside the loss.
    pub enum Metric: dyn MetricConfig, "a metric" {
        Accuracy, TopKAccuracy, Precision, Recall, F1, RocAuc, PrAuc, LogLoss, ExpectedCalibrationError, ConfusionMatrix,
        ClassificationReport, MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError, R2
    }
}

/// What a metric must say of itself.
pub trait MetricConfig {
    /// Whether it means anything for what the output says; the text says what to take instead.
    fn check(&self, task: Task) -> Result<(), String>;

    fn greater_is_better(&self) -> bool;

    /// The names of its series, in the order of the values; `name` is the metric's own.
    fn series(&self, name: &str, _measured: &Measured) -> Vec<String> {
        vec![name.to_owned()]
    }

    /// Numbers that it keeps of every example until the epoch is over, 4 bytes each.
    fn kept(&self, _measured: &Measured) -> u64 {
        0
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState>;
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    pub task: Task,
    /// The classes in their order, where they are those of one target; else the target's columns.
    pub labels: Vec<String>,
    /// Whether one output tells two classes apart.
    pub one_of_two: bool,
}

/// A metric being taken. Sums stay on the device of what is measured: nothing waits for it until the value is due.
pub trait MetricState: Send {
    /// `output` is what the network answers (probabilities, numbers); `target` is as the loss encodes it.
    fn update(&mut self, output: &Tensor, target: &Tensor);

    /// One for each of its series; not a number where nothing was measured.
    fn values(&self) -> Vec<f64>;

    /// The file that it makes of what was measured.
    fn file(&self) -> Option<File> {
        None
    }

    fn reset(&mut self);

    /// What a checkpoint keeps of a metric half taken.
    fn state(&self) -> Vec<(String, Tensor)>;

    fn load(&mut self, state: &[(String, Tensor)]) -> Result<(), String>;
}

/// What a metric says that is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub extension: &'static str,
    pub media_type: &'static str,
    pub text: String,
}

crate::choices! {
    /// Which way a metric improves.
    pub enum Mode { Auto = "auto", Min = "min", Max = "max" }
}

impl Mode {
    /// `by_metric` is what the metric says of itself.
    pub fn greater_is_better(self, by_metric: bool) -> bool {
        match self {
            Self::Auto => by_metric,
            Self::Min => false,
            Self::Max => true,
        }
    }
}

crate::choices! {
    /// How figures by class become one.
    pub enum Average {
        /// The mean of the classes' figures.
        Macro = "macro",
        /// The figure of all classes' counts together.
        Micro = "micro",
        /// One series for each class.
        None = "none",
    }
}

/// A tensor of a metric's state.
fn find<'a>(state: &'a [(String, Tensor)], name: &str) -> Result<&'a Tensor, String> {
    let found = state.iter().find(|(known, _)| known == name);
    found.map(|(_, tensor)| tensor).ok_or_else(|| format!("a metric's {name} is missing"))
}

/// For metrics of classes.
fn needs_classes(task: Task, metric: &str, instead: &str) -> Result<(), String> {
    match task {
        Task::Classes | Task::Binary | Task::Margin => Ok(()),
        Task::Numbers | Task::Gaussian => {
            Err(format!("{metric} needs classes, and the target is a number: take {instead}"))
        }
    }
}

/// For metrics of probabilities.
fn needs_probabilities(task: Task, metric: &str) -> Result<(), String> {
    match task {
        Task::Classes | Task::Binary => Ok(()),
        Task::Margin => {
            Err(format!("{metric} needs probabilities, and the loss makes scores: take accuracy"))
        }
        Task::Numbers | Task::Gaussian => {
            Err(format!("{metric} needs probabilities, and the target is a number: take mean_absolute_error"))
        }
    }
}

/// For metrics of numbers. Probabilities of nought and one are numbers too; those by class are not.
fn needs_numbers(task: Task, metric: &str) -> Result<(), String> {
    match task {
        Task::Numbers | Task::Gaussian | Task::Binary => Ok(()),
        Task::Classes | Task::Margin => {
            Err(format!("{metric} needs numbers, and the target holds classes: take accuracy"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::{Field, Pointer, SpecErrors};

    fn read(body: &Value) -> Metric {
        let mut errors = SpecErrors::new();
        Metric::read(body, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{errors}"))
    }

    fn rows(value: &Value) -> Tensor {
        let numbers: Vec<Vec<f64>> = serde_json::from_value(value.clone()).unwrap();
        Tensor::from_slice2(&numbers).to_kind(tch::Kind::Float)
    }

    fn target(value: &Value) -> Tensor {
        match serde_json::from_value::<Vec<i64>>(value.clone()) {
            Ok(classes) => Tensor::from_slice(&classes),
            Err(_) => rows(value),
        }
    }

    /// Whether two documents are equal but for the last digits of their numbers.
    fn alike(one: &Value, other: &Value) -> bool {
        match (one, other) {
            (Value::Object(one), Value::Object(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(key, value)| other.get(key).is_some_and(|found| alike(value, found)))
            }
            (Value::Array(one), Value::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| alike(one, other))
            }
            (Value::Number(one), Value::Number(other)) => {
                (one.as_f64().unwrap() - other.as_f64().unwrap()).abs() < 1e-12
            }
            _ => one == other,
        }
    }

    fn measured(case: &Value) -> Measured {
        Measured {
            task: serde_json::from_value(case["task"].clone()).unwrap(),
            labels: serde_json::from_value(case["labels"].clone()).unwrap(),
            one_of_two: case["one_of_two"].as_bool().unwrap(),
        }
    }

    /// Against scikit-learn, in batches, with a checkpoint between them; `tests/golden/metrics.py` makes the values.
    #[test]
    fn values_are_those_of_scikit_learn() {
        let golden: Value = serde_json::from_str(include_str!("../../../tests/golden/metrics.json")).unwrap();
        let cases = golden["cases"].as_array().unwrap();
        for name in Metric::NAMES {
            assert!(cases.iter().any(|case| case["metric"]["type"] == *name), "{name} has no golden value");
        }
        for case in cases {
            let data = &golden["data"][case["data"].as_str().unwrap()];
            let (metric, measured) = (read(&case["metric"]), measured(data));
            metric.check(measured.task).unwrap();
            let (output, target) = (rows(&data["output"]), target(&data["target"]));
            let part = |tensor: &Tensor, from: i64, to: i64| tensor.slice(0, from, to, 1);
            let mut first = metric.build(&measured);
            first.update(&part(&output, 0, 7), &part(&target, 0, 7));
            let mut state = metric.build(&measured);
            state.load(&first.state()).unwrap();
            state.update(&part(&output, 7, output.size()[0]), &part(&target, 7, output.size()[0]));
            let expected: Vec<f64> = serde_json::from_value(case["values"].clone()).unwrap();
            let values = state.values();
            assert_eq!(values.len(), expected.len(), "{}", case["metric"]);
            assert_eq!(metric.series("m", &measured).len(), expected.len());
            for (value, expected) in values.iter().zip(&expected) {
                assert!((value - expected).abs() < 1e-6, "{}: {values:?}", case["metric"]);
            }
            let file = state.file().map(|file| serde_json::from_str::<Value>(&file.text).unwrap());
            assert!(alike(&file.unwrap_or_default(), &case["file"]), "{}", case["metric"]);
            state.reset();
            assert!(state.values().iter().all(|value| value.is_nan()), "{}", case["metric"]);
        }
    }

    #[test]
    fn series_by_class_are_named_after_it() {
        let labels = vec!["a".to_owned(), "b".to_owned()];
        let measured = Measured { task: Task::Classes, labels, one_of_two: false };
        let metric = read(&json!({"type": "recall", "average": "none"}));
        assert_eq!(metric.series(metric.name(), &measured), ["recall_a", "recall_b"]);
        assert_eq!(read(&json!("recall")).series("recall", &measured), ["recall"]);
    }

    #[test]
    fn what_means_nothing_is_refused_with_advice() {
        let refusals = [
            ("precision", Task::Numbers),
            ("top_k_accuracy", Task::Binary),
            ("log_loss", Task::Margin),
            ("roc_auc", Task::Gaussian),
            ("expected_calibration_error", Task::Numbers),
            ("r2", Task::Classes),
            ("root_mean_squared_error", Task::Margin),
        ];
        let texts = refusals.map(|(metric, task)| read(&json!(metric)).check(task).unwrap_err());
        insta::assert_snapshot!(texts.join("\n"), @r"
        precision needs classes, and the target is a number: take mean_absolute_error
        top_k_accuracy needs a probability for each of several classes: take accuracy
        log_loss needs probabilities, and the loss makes scores: take accuracy
        roc_auc needs classes, and the target is a number: take r2
        expected_calibration_error needs probabilities, and the target is a number: take mean_absolute_error
        r2 needs numbers, and the target holds classes: take accuracy
        root_mean_squared_error needs numbers, and the target holds classes: take accuracy
        ");
    }
}
