//! A request on its way through the batches that its examples are in.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use tokio::sync::oneshot;

use super::{BatchError, Rows, lock};

/// What a request is told in the end.
pub(super) type Reply = oneshot::Receiver<Result<Rows, BatchError>>;

/// A request on its way.
pub(super) struct Ticket {
    pub(super) count: usize,
    pub(super) since: Instant,
    pub(super) progress: Mutex<Progress>,
}

pub(super) struct Progress {
    /// Counted among those that wait.
    pub(super) waiting: bool,
    pub(super) done: usize,
    pub(super) outputs: Vec<Vec<f32>>,
    /// Taken when the answer is sent.
    pub(super) reply: Option<oneshot::Sender<Result<Rows, BatchError>>>,
}

/// Examples that are in no batch yet, or not all of them.
pub(super) struct Waiting {
    pub(super) ticket: Arc<Ticket>,
    pub(super) rows: Rows,
    /// The first example that is in no batch yet.
    pub(super) next: usize,
}

impl Ticket {
    /// Whether some of its examples have not begun to run.
    pub(super) fn waits(&self) -> bool {
        lock(&self.progress).waiting
    }

    /// Nobody waits for the answer any more.
    pub(super) fn is_gone(&self) -> bool {
        lock(&self.progress).reply.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    pub(super) fn refuse(&self, error: &BatchError) {
        if let Some(reply) = lock(&self.progress).reply.take() {
            _ = reply.send(Err(error.clone()));
        }
    }

    /// Takes in the outputs of `count` examples from the request's `first` on, which stand `at` in the batch.
    pub(super) fn answer(&self, outputs: &[Vec<f32>], at: usize, first: usize, count: usize, rows: usize) {
        let mut progress = lock(&self.progress);
        if progress.outputs.is_empty() {
            progress.outputs =
                outputs.iter().map(|output| vec![0.0; output.len() / rows * self.count]).collect();
        }
        for (whole, output) in progress.outputs.iter_mut().zip(outputs) {
            let width = output.len() / rows;
            whole[first * width..(first + count) * width]
                .copy_from_slice(&output[at * width..(at + count) * width]);
        }
        progress.done += count;
        if progress.done == self.count {
            let values = std::mem::take(&mut progress.outputs);
            if let Some(reply) = progress.reply.take() {
                _ = reply.send(Ok(Rows { count: self.count, values }));
            }
        }
    }
}
