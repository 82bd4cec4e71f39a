//! How a job stands, gathered from its events.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::follow::Event;
use crate::cli::figures;
use crate::spec::report::Progress;

/// The weight of what was known against one more step.
const SMOOTHING: f64 = 0.95;
/// As many further metrics as a line may have room for.
const MOST: usize = 3;

#[derive(Default)]
pub(super) struct Standing {
    pub(super) status: String,
    pub(super) progress: Progress,
    metrics: Map<String, Value>,
    /// The loss of the last steps, which is there before an epoch's is.
    step_loss: Option<f64>,
}

#[derive(Deserialize)]
struct Points {
    points: Vec<Point>,
}

#[derive(Deserialize)]
struct Point {
    name: String,
    value: Option<f64>,
}

impl Standing {
    pub(super) fn take(&mut self, event: &Event) {
        match &event.kind[..] {
            "progress" => {
                if let Ok(progress) = Progress::deserialize(&event.data) {
                    self.progress = progress;
                }
            }
            "metrics" => {
                for Point { name, value } in
                    Points::deserialize(&event.data).map(|told| told.points).unwrap_or_default()
                {
                    self.point(name, value);
                }
            }
            "status" | "end" => {
                if let Some(status) = event.data["status"].as_str() {
                    status.clone_into(&mut self.status);
                }
            }
            _ => {}
        }
    }

    fn point(&mut self, name: String, value: Option<f64>) {
        if name != "step_loss" {
            self.metrics.insert(name, value.into());
            return;
        }
        if let Some(value) = value {
            let before = self.step_loss.unwrap_or(value);
            self.step_loss = Some(SMOOTHING * before + (1.0 - SMOOTHING) * value);
        }
    }

    /// The whole in a line, what matters most first, since a terminal may be narrow:
    /// `epoch 2/5  loss 0.1123  accuracy 0.9670  ETA 41 s  9,100 examples/s`.
    pub(super) fn line(&self) -> String {
        let Progress { epoch, epochs, eta_seconds, examples_per_second, .. } = self.progress;
        if epoch == 0 {
            return self.status.clone();
        }
        let mut parts = vec![format!("epoch {epoch}/{epochs}")];
        if let Some(loss) = self.step_loss.or_else(|| self.metrics.get("loss").and_then(Value::as_f64)) {
            parts.push(format!("loss {}", figures::value(loss)));
        }
        let told = metrics(&self.metrics).into_iter().filter(|(name, _)| name != "loss");
        let (own, others): (Vec<_>, Vec<_>) = told.partition(|(name, _)| !is_of_another_part(name));
        let mut further = own.into_iter().chain(others).map(|(name, value)| format!("{name} {value}"));
        parts.extend(further.next());
        if let Some(eta) = eta_seconds.filter(|_| self.status == "running") {
            parts.push(format!("ETA {}", figures::seconds(eta)));
        }
        if examples_per_second > 0.0 {
            parts.push(format!("{} examples/s", figures::count(examples_per_second.round() as u64)));
        }
        parts.extend(further.take(MOST));
        parts.join("  ")
    }
}

/// Whether a metric is not of the part that is trained on.
fn is_of_another_part(metric: &str) -> bool {
    metric.starts_with("val_") || metric.starts_with("test_")
}

/// The metrics that tell how good a model is, the test's first, and not what its training went by.
pub(in crate::cli) fn metrics(all: &Map<String, Value>) -> Vec<(String, String)> {
    let of_interest = |name: &str| !matches!(name, "step_loss" | "learning_rate" | "gradient_norm");
    let mut told: Vec<(String, String)> = all
        .iter()
        .filter(|(name, _)| of_interest(name))
        .map(|(name, value)| (name.clone(), value.as_f64().map_or("not finite".into(), figures::value)))
        .collect();
    told.sort_by_key(|(name, _)| {
        let part = ["test_", "", "val_"].iter().position(|part| !part.is_empty() && name.starts_with(part));
        (part.unwrap_or(1), !name.ends_with("loss"))
    });
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn event(kind: &str, data: Value) -> Event {
        Event { id: "1".into(), kind: kind.into(), data }
    }

    #[test]
    fn a_job_is_told_in_a_line() {
        let mut standing = Standing::default();
        standing.take(&event("status", json!({"status": "queued", "run": null})));
        assert_eq!(standing.line(), "queued");
        standing.take(&event("status", json!({"status": "running"})));
        standing.take(&event(
            "progress",
            json!({"epoch": 2, "epochs": 5, "step": 15, "steps": 40, "fraction": 0.36, "eta_seconds": 41.0,
                "examples_per_second": 9_100.4}),
        ));
        let points = [("accuracy", 0.967), ("loss", 0.2), ("learning_rate", 0.1), ("val_loss", 0.12)]
            .map(|(name, value)| json!({"name": name, "step": 9, "epoch": 1.0, "value": value}));
        standing.take(&event("metrics", json!({"run": "", "points": points})));
        assert_eq!(
            standing.line(),
            "epoch 2/5  loss 0.2000  accuracy 0.9670  ETA 41 s  9,100 examples/s  val_loss 0.1200"
        );
        let step = json!({"name": "step_loss", "step": 10, "epoch": 1.0, "value": 0.1});
        standing.take(&event("metrics", json!({"run": "", "points": [step]})));
        assert!(standing.line().contains("loss 0.1000  accuracy"), "{}", standing.line());
    }

    #[test]
    fn metrics_come_in_an_order() {
        let all = json!({"accuracy": 0.9, "gradient_norm": 1.0, "loss": 0.1, "test_accuracy": 0.8, "val_loss": null});
        let names: Vec<String> =
            metrics(all.as_object().unwrap()).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["test_accuracy", "loss", "accuracy", "val_loss"]);
    }
}
