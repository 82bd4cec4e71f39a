//! How much the data folder holds. Measured now and then, beside all else: what grows in between
//! is a run's, which may go on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::leftovers::walk;
use crate::clock;

/// How often the folder is measured at least.
const PAUSE: Duration = Duration::from_secs(10);

/// How many times as long as a measurement took is waited for the next, so that a large folder is not read all the time.
const REST: u32 = 20;

/// The folder holds as much as it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the data folder holds {used} bytes, and {more} more are beyond the {budget} that it may hold (--disk-budget-bytes); \
     delete jobs, models or data sets that are not needed"
)]
pub struct OverBudget {
    pub used: u64,
    pub more: u64,
    pub budget: u64,
}

/// What the data folder holds and may hold.
pub(super) struct Usage {
    folder: PathBuf,
    /// 0 for as much as there is room for.
    budget: u64,
    used: AtomicU64,
    look: Notify,
}

impl Usage {
    pub(super) fn new(folder: &Path, budget: u64) -> Arc<Self> {
        let usage = Self { folder: folder.to_owned(), budget, used: AtomicU64::new(0), look: Notify::new() };
        if budget > 0 {
            usage.look_now();
        } else {
            // Nothing depends on it, so that the start does not wait for it.
            usage.measure();
        }
        Arc::new(usage)
    }

    /// Whether so many bytes more are within the budget.
    pub(super) fn check(&self, more: u64) -> Result<(), OverBudget> {
        let (used, budget) = (self.used.load(Ordering::Relaxed), self.budget);
        let within = used < budget && more <= budget - used;
        if budget == 0 || within { Ok(()) } else { Err(OverBudget { used, more, budget }) }
    }

    /// Has the folder measured soon, since something came or went.
    pub(super) fn measure(&self) {
        self.look.notify_one();
    }

    /// Bytes that the folder holds, and that it may.
    pub(super) fn standing(&self) -> (u64, u64) {
        (self.used.load(Ordering::Relaxed), self.budget)
    }

    fn look_now(&self) {
        match walk(&self.folder) {
            Ok(files) => self.used.store(files.iter().map(|(_, bytes)| bytes).sum(), Ordering::Relaxed),
            Err(error) => tracing::warn!(%error, "the data folder cannot be measured"),
        }
    }

    /// Measures until the server ends.
    pub(super) async fn run(self: Arc<Self>, closing: CancellationToken) {
        let mut pause = PAUSE;
        loop {
            tokio::select! {
                () = closing.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
                () = self.look.notified() => {}
            }
            let began = clock::monotonic();
            let usage = self.clone();
            let _ = tokio::task::spawn_blocking(move || usage.look_now()).await;
            let rest = began.elapsed() * REST;
            pause = PAUSE.max(rest);
            // Not one behind the other for as many things as come and go.
            tokio::time::sleep(rest.min(PAUSE)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_what_may_be_held() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("deep")).unwrap();
        std::fs::write(folder.path().join("deep/file"), [0; 60]).unwrap();
        let usage = Usage::new(folder.path(), 100);
        assert_eq!(usage.check(40), Ok(()));
        assert_eq!(usage.check(41), Err(OverBudget { used: 60, more: 41, budget: 100 }));
        std::fs::write(folder.path().join("more"), [0; 40]).unwrap();
        usage.look_now();
        assert_eq!(usage.check(0), Err(OverBudget { used: 100, more: 0, budget: 100 }));
        assert_eq!(Usage::new(folder.path(), 0).check(u64::MAX), Ok(()));
    }
}
