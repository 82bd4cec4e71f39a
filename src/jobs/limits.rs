//! What this server lets a job ask for, below what any may.

use serde_json::Value;

use crate::config;
use crate::spec::{Pointer, SpecErrors};

/// Refuses what a body asks beyond the settings, each with its own place. Values of a wrong type are the plan's to tell.
pub(super) fn check(body: &Value, limits: &config::Jobs) -> SpecErrors {
    let mut errors = SpecErrors::new();
    let at = Pointer::root().key("training");
    let training = &body["training"];
    number(&training["epochs"], limits.job_epochs as f64, &at.key("epochs"), &mut errors);
    number(&training["batch_size"], limits.job_batch_size as f64, &at.key("batch_size"), &mut errors);
    rate(&training["optimizer"], limits.job_learning_rate, &at.key("optimizer"), &mut errors);
    for form in ["layers", "nodes"] {
        let at = at.key("model").key(form);
        let Some(nodes) = training["model"][form].as_array() else { continue };
        if nodes.len() as u64 > limits.job_nodes {
            errors.push(&at, format!("must be at most {} on this server", limits.job_nodes));
        }
        for (index, node) in nodes.iter().enumerate() {
            for width in ["units", "filters"] {
                let at = at.index(index).key(width);
                number(&node[width], limits.job_units as f64, &at, &mut errors);
            }
        }
    }
    errors
}

/// Refuses more steps than the settings allow.
pub(super) fn check_steps(steps: u64, limits: &config::Jobs) -> Result<(), SpecErrors> {
    if steps <= limits.job_steps {
        return Ok(());
    }
    let at = Pointer::root().key("training").key("epochs");
    Err(SpecErrors::of(
        &at,
        format!("the job takes {steps} steps, and this server lets one take {}", limits.job_steps),
    ))
}

/// The rate itself, or the numbers of the schedule in its place.
fn rate(optimizer: &Value, most: f64, at: &Pointer, errors: &mut SpecErrors) {
    let (value, at) = (&optimizer["learning_rate"], at.key("learning_rate"));
    number(value, most, &at, errors);
    for name in ["learning_rate", "initial_learning_rate", "max_learning_rate", "end_learning_rate"] {
        number(&value[name], most, &at.key(name), errors);
    }
    for (index, one) in value["values"].as_array().into_iter().flatten().enumerate() {
        number(one, most, &at.key("values").index(index), errors);
    }
}

fn number(value: &Value, most: f64, at: &Pointer, errors: &mut SpecErrors) {
    if value.as_f64().is_some_and(|given| given > most) {
        errors.push(at, format!("must be at most {most} on this server"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_limit_has_its_place() {
        let limits = config::Jobs {
            job_epochs: 10,
            job_batch_size: 64,
            job_units: 100,
            job_nodes: 2,
            job_learning_rate: 0.5,
            job_steps: 1_000,
            ..config::Jobs::default()
        };
        let dense = json!({"type": "dense", "units": 101});
        let body = json!({"training": {
            "epochs": 11, "batch_size": 65, "optimizer": {"type": "sgd", "learning_rate": 1},
            "model": {"layers": [{"type": "conv2d", "filters": 200}, dense, {"type": "dense", "units": 100}]}}});
        let refused = check(&body, &limits);
        let mut places: Vec<&str> = refused.iter().map(|error| error.pointer.as_str()).collect();
        places.sort_unstable();
        assert_eq!(
            places,
            [
                "/training/batch_size",
                "/training/epochs",
                "/training/model/layers",
                "/training/model/layers/0/filters",
                "/training/model/layers/1/units",
                "/training/optimizer/learning_rate",
            ]
        );
        assert_eq!(check(&body, &config::Jobs::default()).iter().count(), 0);
        assert!(check_steps(1_000, &limits).is_ok() && check_steps(1_001, &limits).is_err());
    }
}
