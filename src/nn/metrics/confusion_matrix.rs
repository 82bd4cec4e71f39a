use serde_json::{Map, Value, json};

use super::tally::{Tallied, Tally};
use super::{Measured, MetricConfig, MetricState, needs_classes};
use crate::nn::losses::Task;

crate::record! {
    /// How often which class was taken for which: rows are the truth, columns the answers. With several targets of nought and
    /// one a matrix for each.
    ///
    /// It is no series but a file among the job's artifacts, by part: `confusion_matrix.json`, `val_confusion_matrix.json`, `test_confusion_matrix.json`,
    /// of the epoch whose weights become the model.
    pub struct ConfusionMatrix {}
}

impl MetricConfig for ConfusionMatrix {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_classes(task, "confusion_matrix", "mean_absolute_error")
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
    if let Some(matrix) = &tally.matrix {
        return json!({"labels": tally.labels, "matrix": matrix}).to_string();
    }
    let by_label = tally.labels.iter().zip(&tally.counts).map(|(label, counts)| {
        let rows = json!([[counts.rest, counts.false_alarms], [counts.misses, counts.hits]]);
        (label.clone(), rows)
    });
    json!({"labels": tally.labels, "matrices": Value::Object(by_label.collect::<Map<_, _>>())}).to_string()
}
