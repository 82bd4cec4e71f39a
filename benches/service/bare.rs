//! The training loop by itself: a process that runs a plan and tells nobody of it.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use lyceum::clock::monotonic;
use lyceum::data::Dataset;
use lyceum::jobs::process;
use lyceum::spec::report::{Control, Outcome, Report};
use lyceum::train::checkpoint::Snapshot;
use lyceum::train::{self, ArtifactFile, Catalog, CatalogError, ModelFiles, Plan, RunSink};
use serde_json::Value;

/// The word on the command line that asks for it.
pub(crate) const WORD: &str = "the-bare-loop";

struct One(Arc<Dataset>);

impl Catalog for One {
    fn dataset(&self, _: &str, _: Option<u32>) -> Result<Arc<Dataset>, CatalogError> {
        Ok(self.0.clone())
    }
}

/// Drops all that it is given, and knows when the first step and the last began.
#[derive(Default)]
struct Nowhere {
    first: Cell<Option<Instant>>,
    last: Cell<Option<Instant>>,
    steps: Cell<u64>,
}

impl RunSink for Nowhere {
    fn report(&mut self, _: Report) {}

    fn checkpoint(&mut self, _: Snapshot) {}

    fn artifact(&mut self, _: ArtifactFile) {}

    fn model(&mut self, _: ModelFiles) {}

    fn control(&self) -> Control {
        let now = monotonic();
        self.steps.set(self.steps.get() + 1);
        self.first.set(self.first.get().or(Some(now)));
        self.last.set(Some(now));
        Control::Continue
    }
}

/// Prints the seconds of a step.
pub(crate) fn main(spec: &Path, dataset: &Path) {
    // As a worker does: the system shares a busy machine out by session.
    process::stand_alone();
    let spec: Value = serde_json::from_slice(&std::fs::read(spec).expect("a spec")).expect("JSON");
    let dataset = One(Dataset::open_as(dataset, "mnist", 1).expect("a data set"));
    let plan = Plan::resolve_body(&spec, &dataset).expect("a plan");
    let mut sink = Nowhere::default();
    assert_eq!(train::run(&plan, None, &mut sink), Outcome::Succeeded);
    let (Some(first), Some(last)) = (sink.first.get(), sink.last.get()) else { panic!("no steps") };
    println!("{}", (last - first).as_secs_f64() / (sink.steps.get() - 1) as f64);
}
