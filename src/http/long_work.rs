//! Turns for requests that compute for long: as many at once as there are cores. More would take turns with each other,
//! with short requests and with training, and all of them would come to their ends late.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::Problem;
use crate::clock;

/// How long there may be more in line than have a core before some are refused.
const BURST: Duration = Duration::from_millis(500);

/// How long one stands in line.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct LongWork {
    cores: usize,
    turns: Semaphore,
    waiting: AtomicUsize,
    /// Since when nobody has come who did not have to wait.
    busy_since: Mutex<Option<Instant>>,
}

/// One that waits, for as long as it does.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl LongWork {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self {
            cores,
            turns: Semaphore::new(cores),
            waiting: AtomicUsize::new(0),
            busy_since: Mutex::new(None),
        }
    }

    /// Waits for a turn, and not for ever. Where the line has been long for a while, there is room in it for as many as
    /// there are cores.
    pub(crate) async fn turn(&self) -> Result<SemaphorePermit<'_>, Problem> {
        if let Ok(turn) = self.turns.try_acquire() {
            *self.busy_since.lock().unwrap_or_else(PoisonError::into_inner) = None;
            return Ok(turn);
        }
        let before = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _waiting = Waiting(&self.waiting);
        if before >= self.cores && self.has_been_busy() {
            return Err(too_many());
        }
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        turn.map_err(|_| too_many())?.map_err(Problem::internal)
    }

    fn has_been_busy(&self) -> bool {
        let mut since = self.busy_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.get_or_insert_with(clock::monotonic).elapsed() > BURST
    }
}

fn too_many() -> Problem {
    let detail = "more long requests wait than there are cores for; send fewer at once, or shorter ones";
    Problem::unavailable(detail, 1).for_want_of("long_work")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_line_that_stays_is_cut() {
        let work = LongWork { cores: 1, turns: Semaphore::new(1), ..LongWork::new() };
        let first = work.turn().await.unwrap();
        let mut line: Vec<_> = (0..10).map(|_| Box::pin(work.turn())).collect();
        for turn in &mut line {
            assert!(futures::poll!(turn).is_pending());
        }
        // A while later.
        *work.busy_since.lock().unwrap() = clock::monotonic().checked_sub(2 * BURST);
        assert!(work.turn().await.is_err());
        drop(first);
        for turn in line {
            drop(turn.await.unwrap());
        }
        // Nobody stands in line for ever.
        let first = work.turn().await.unwrap();
        assert!(work.turn().await.is_err());
        drop(first);
        // The line is gone: who comes now has a turn, and the next may wait again.
        let first = work.turn().await.unwrap();
        assert!(futures::poll!(Box::pin(work.turn())).is_pending());
        drop(first);
    }
}
