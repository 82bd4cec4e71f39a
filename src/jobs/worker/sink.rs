//! What the training loop sees of the world.

use std::sync::Arc;
use std::time::Duration;

use super::files::{FilesHandle, Task};
use super::outbox::Outbox;
use super::reporter::Orders;
use crate::spec::report::{Control, LogLevel, Report};
use crate::train::checkpoint::Snapshot;
use crate::train::{ArtifactFile, ModelFiles, RunSink};

/// How often a run that waits for room looks whether it is to go on.
const PATIENCE: Duration = Duration::from_millis(500);

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

/// What is told as an event stands in the run's log as well.
fn log(level: LogLevel, message: &str) {
    match level {
        LogLevel::Info => tracing::info!("{message}"),
        LogLevel::Warning => tracing::warn!("{message}"),
        LogLevel::Error => tracing::error!("{message}"),
    }
}

impl Sink {
    /// Figures that neither the server nor the disk takes are held, and not without end: the run waits.
    fn wait_for_room(&self) {
        let mut told = false;
        while !self.outbox.has_room_within(PATIENCE) && self.orders.control() == Control::Continue {
            if !told {
                told = true;
                let message = "reports are neither heard nor kept; the run waits".to_owned();
                log(LogLevel::Warning, &message);
                self.outbox.push(Report::Log { level: LogLevel::Warning, message });
            }
        }
    }
}

impl RunSink for Sink {
    fn report(&mut self, report: Report) {
        if matches!(report, Report::Metrics { .. }) {
            self.wait_for_room();
        }
        if let Report::Log { level, message } = &report {
            log(*level, message);
        }
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
