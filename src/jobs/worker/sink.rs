//! What the training loop sees of the world.

use std::sync::Arc;

use super::files::{FilesHandle, Task};
use super::outbox::Outbox;
use super::reporter::Orders;
use crate::spec::report::{Control, Report};
use crate::train::checkpoint::Snapshot;
use crate::train::{ArtifactFile, ModelFiles, RunSink};

/// Passes on what the loop gives, without waiting.
pub(super) struct Sink {
    outbox: Arc<Outbox>,
    orders: Arc<Orders>,
    files: FilesHandle,
}

impl Sink {
    pub(super) fn new(outbox: Arc<Outbox>, orders: Arc<Orders>, files: FilesHandle) -> Self {
        Self { outbox, orders, files }
    }
}

impl RunSink for Sink {
    fn report(&mut self, report: Report) {
        self.outbox.push(report);
    }

    fn ready_for_checkpoint(&self) -> bool {
        !self.files.busy()
    }

    fn checkpoint(&mut self, snapshot: Snapshot) {
        self.files.give(Task::Checkpoint(snapshot));
    }

    fn artifact(&mut self, artifact: ArtifactFile) {
        self.files.give(Task::Artifact(artifact));
    }

    fn model(&mut self, model: ModelFiles) {
        self.files.give(Task::Model(model));
    }

    fn control(&self) -> Control {
        self.orders.control()
    }
}
