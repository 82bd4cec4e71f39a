//! Bodies of `POST /v1/jobs`: what is refused is told its places, and what is stored reads back as itself.

use lyceum::spec::{JobSpec, SpecErrors};
use lyceum::train::{Plan, PlanError};
use serde_json::Value;

use super::Check;
use super::sets::Sets;

pub(super) fn open() -> Check {
    let sets = Sets::open();
    Box::new(move |bytes| {
        if let Ok(body) = serde_json::from_slice(bytes) {
            check(&body, &sets);
        }
    })
}

fn check(body: &Value, sets: &Sets) {
    let plan = match Plan::resolve_body(body, sets) {
        Ok(plan) => plan,
        Err(PlanError::Unavailable(why)) => panic!("{why}"),
        Err(PlanError::Refused(errors)) => return refused(body, &errors),
    };
    let canonical = plan.spec.value();
    let stored: Value = serde_json::from_str(&canonical.to_string()).unwrap();
    assert_eq!(stored, **canonical);
    let mut errors = SpecErrors::new();
    let spec = JobSpec::read_body(&stored, &mut errors);
    assert!(errors.is_empty(), "{errors}");
    let again = Plan::resolve(&spec.unwrap(), sets).unwrap_or_else(|error| panic!("{error}: {canonical}"));
    assert_eq!(again.spec.value(), canonical);
    assert_eq!(again.answer(), plan.answer());
}

/// Each mistake stands at a value of the body's, or at one that is missing there.
fn refused(body: &Value, errors: &SpecErrors) {
    assert!(!errors.is_empty());
    for error in errors.iter() {
        let pointer = error.pointer.as_str();
        let parent = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
        let stands = body.pointer(pointer).is_some() || body.pointer(parent).is_some();
        assert!(stands && !error.detail.is_empty(), "{errors}\n{body}");
    }
}
