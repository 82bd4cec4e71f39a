//! A spec with every default written out, beside the way it is written: made once for each job, since all of its
//! readers (the limits, the queue, the answer) want the same tree of values.

use std::ops::Deref;
use std::sync::Arc;

use serde_json::Value;

use super::{Field as _, JobSpec};

/// A job's spec and the body that it writes. The two cannot differ: the spec is not changed once it is in here.
#[derive(Clone, Debug, PartialEq)]
pub struct CanonicalSpec {
    spec: JobSpec,
    value: Arc<Value>,
}

impl CanonicalSpec {
    /// The spec as a body, `{"spec_version": 1, "name": …}`.
    pub fn value(&self) -> &Arc<Value> {
        &self.value
    }
}

impl From<JobSpec> for CanonicalSpec {
    fn from(spec: JobSpec) -> Self {
        let value = Arc::new(spec.write());
        Self { spec, value }
    }
}

impl Deref for CanonicalSpec {
    type Target = JobSpec;

    fn deref(&self) -> &JobSpec {
        &self.spec
    }
}
