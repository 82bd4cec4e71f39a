//! From the fields of `training` to a [`FinderPlan`]: what it trains is resolved as supervised training is.

use serde_json::Map;

use super::{FinderPlan, LearningRateFinder};
use crate::spec::{Component, Record, SpecErrors};
use crate::train::methods::supervised::{self, Context, Resolved, Supervised};
use crate::train::plan::{Catalog, PlanError};

/// Resolves the fields of `training`. `None` where mistakes were noted.
pub(crate) fn resolve(
    training: &Component,
    context: &Context,
    catalog: &dyn Catalog,
    errors: &mut SpecErrors,
) -> Result<Option<Resolved<FinderPlan>>, PlanError> {
    let at = &training.pointer;
    let config =
        LearningRateFinder::read_fields(&training.fields, at, "learning_rate_finder", &["method"], errors);
    if let Some(config) = &config
        && config.end.get() <= config.start.get()
    {
        errors.push(&at.key("end"), format!("must be above the start, {}", config.start.get()));
    }
    let both = |name: &String| {
        let name = name.as_str();
        Supervised::FIELD_NAMES.contains(&name) && LearningRateFinder::FIELD_NAMES.contains(&name)
    };
    let shared = training.fields.iter().filter(|(name, _)| both(name));
    let fields = shared.map(|(name, value)| (name.clone(), value.clone())).collect();
    let shared = Component { kind: training.kind.clone(), fields, pointer: at.clone() };
    let resolved = supervised::resolve(&shared, context, catalog, errors)?;
    let (Some(config), Some(mut resolved), true) = (config, resolved, errors.is_empty()) else {
        return Ok(None);
    };
    let steps = config.steps.get();
    resolved.plan.epochs = steps.div_ceil(resolved.plan.steps_per_epoch());
    resolved.plan.most_steps = Some(steps);
    let mut members = Map::new();
    members.insert("method".into(), "learning_rate_finder".into());
    for (name, value) in config.write_fields() {
        let value = if both(&name) { resolved.training.get(&name).cloned().unwrap_or(value) } else { value };
        members.insert(name, value);
    }
    let plan = FinderPlan { training: resolved.plan, config };
    Ok(Some(Resolved { plan, summary: resolved.summary, training: members }))
}
