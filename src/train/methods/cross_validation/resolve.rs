//! From the fields of `training` to a [`CrossPlan`]: each training is resolved as supervised training is.

use serde_json::{Value, json};

use super::{CrossPlan, CrossValidation};
use crate::spec::{Component, Field as _, SpecErrors};
use crate::train::methods::supervised::{self, Context, Resolved};
use crate::train::plan::{Catalog, PlanError};

/// The most folds.
const MOST_FOLDS: u64 = 100;

/// Resolves the fields of `training`, of which one asks for cross-validation. `None` where mistakes were noted.
pub(crate) fn resolve(
    training: &Component,
    context: &Context,
    catalog: &dyn Catalog,
    errors: &mut SpecErrors,
) -> Result<Option<Resolved<CrossPlan>>, PlanError> {
    let at = training.pointer.key("cross_validation");
    let said = training.fields.get("cross_validation").unwrap_or(&Value::Null);
    let config = CrossValidation::read(said, &at, errors);
    let mut plain = training.clone();
    plain.fields.shift_remove("cross_validation");
    if let Some(config) = &config {
        check(config, &plain, &at, errors);
    }
    let folds = config.as_ref().map_or(2, |config| config.folds.get().clamp(2, MOST_FOLDS));
    let mut plans = Vec::new();
    let mut first = None;
    for fold in 1..=folds {
        let mut own = plain.clone();
        if let Some(dataset) = own.fields.get_mut("dataset").and_then(Value::as_object_mut) {
            dataset.insert("validation".into(), json!({"fold": fold, "folds": folds}));
        }
        let Some(resolved) = supervised::resolve(&own, context, catalog, errors)? else { return Ok(None) };
        plans.push(resolved.plan);
        // What is told of all is what is told of the first.
        first.get_or_insert((resolved.summary, resolved.training));
    }
    let (Some(config), Some((summary, mut members)), true) = (config, first, errors.is_empty()) else {
        return Ok(None);
    };
    let whole = if config.refit {
        let Some(whole) = supervised::resolve(&plain, context, catalog, errors)? else { return Ok(None) };
        Some(whole.plan)
    } else {
        None
    };
    if let Some(dataset) = members.get_mut("dataset").and_then(Value::as_object_mut) {
        dataset.insert("validation".into(), Value::Null);
    }
    members.insert("cross_validation".into(), config.write());
    Ok(Some(Resolved { plan: CrossPlan { folds: plans, whole }, summary, training: members }))
}

/// What does not go together with folds.
fn check(config: &CrossValidation, plain: &Component, at: &crate::spec::Pointer, errors: &mut SpecErrors) {
    let said = |name: &str| plain.fields.get(name).filter(|value| !value.is_null());
    let training = &plain.pointer;
    if !(2..=MOST_FOLDS).contains(&config.folds.get()) {
        errors.push(&at.key("folds"), format!("must be from 2 to {MOST_FOLDS}, not {}", config.folds.get()));
    }
    if said("dataset").is_some_and(|dataset| dataset.get("validation").is_some_and(|held| !held.is_null())) {
        let detail = "the folds are what is validated on; leave this out, or cross_validation";
        errors.push(&training.key("dataset").key("validation"), detail);
    }
    if config.refit && said("early_stopping").is_some() {
        let detail = "a network that is trained on all folds has none to watch for early_stopping; say false, or leave \
                      early_stopping out";
        errors.push(&at.key("refit"), detail);
    }
    if said("epochs") == Some(&json!(0)) {
        errors.push(&training.key("epochs"), "must be at least 1: untrained networks need no folds");
    }
    if said("continue_from").is_some() {
        errors.push(&training.key("continue_from"), "does not go together with cross_validation");
    }
}
