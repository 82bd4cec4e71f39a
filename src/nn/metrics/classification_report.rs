use serde_json::{Map, Value, json};

use super::tally::{Counts, Tallied, Tally};
use super::{Measured, MetricConfig, MetricState, needs_classes};
use crate::nn::losses::Task;

crate::record! {
    /// Precision, recall, F1 and number of examples of every class, and their means, as scikit-learn's
    /// `classification_report`.
    ///
    /// It is no series but a file among the job's artifacts, by part: `classification_report.json`, `val_classification_report.json`, `test_classification_report.json`,
    /// of the epoch whose weights become the model.
    pub struct ClassificationReport {}
}

impl MetricConfig for ClassificationReport {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_classes(task, "classification_report", "mean_absolute_error")
    }

    fn greater_is_better(&self) -> bool {
        true
    }

    fn series(&self, _name: &str, _measured: &Measured) -> Vec<String> {
        Vec::new()
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        Tallied::file(measured, write)
    }
}

fn write(tally: &Tally) -> String {
    let mut report: Map<String, Value> =
        tally.labels.iter().zip(&tally.counts).map(|(label, counts)| (label.clone(), row(counts))).collect();
    let all: i64 = tally.counts.iter().map(Counts::support).sum();
    if let Some(matrix) = &tally.matrix {
        let right: i64 = matrix.iter().enumerate().map(|(index, row)| row[index]).sum();
        report.insert("accuracy".into(), json!(super::tally::share(right, all)));
    }
    let mean = |weight: &dyn Fn(&Counts) -> f64| {
        let of = |figure: fn(&Counts) -> f64| {
            tally.counts.iter().map(|counts| weight(counts) * figure(counts)).sum::<f64>()
        };
        json!({"precision": of(Counts::precision), "recall": of(Counts::recall), "f1-score": of(Counts::f1),
               "support": all})
    };
    let even = 1.0 / tally.counts.len().max(1) as f64;
    report.insert("macro avg".into(), mean(&|_| even));
    report.insert("weighted avg".into(), mean(&|counts| super::tally::share(counts.support(), all)));
    Value::Object(report).to_string()
}

fn row(counts: &Counts) -> Value {
    json!({"precision": counts.precision(), "recall": counts.recall(), "f1-score": counts.f1(),
           "support": counts.support()})
}
