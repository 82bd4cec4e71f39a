//! Turns for requests that compute or write for long, which is some milliseconds: as many at once as there are cores. More would
//! take turns with each other, with short requests and with training, and all of them would come to their ends late.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::problem::Problem;
use crate::clock;

/// A line that has been there for so long is no burst, and is over when nobody has waited for so long.
const BURST: Duration = Duration::from_millis(500);

/// How many a line that is no burst holds for each core.
const LINE_PER_CORE: usize = 1;

/// How long one stands in line.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct LongWork {
    cores: usize,
    turns: Semaphore,
    /// Those who have a turn or wait for one. Whoever is handed a turn and does not know it yet is not counted twice.
    present: AtomicUsize,
    line: Mutex<Option<Line>>,
}

/// When one had to wait first, and last.
#[derive(Clone, Copy)]
struct Line {
    since: Instant,
    until: Instant,
}

/// A turn, for as long as it is held.
pub(crate) struct Turn<'a> {
    _present: Present<'a>,
    _turn: SemaphorePermit<'a>,
}

/// One that has a turn or waits for it.
struct Present<'a>(&'a AtomicUsize);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl LongWork {
    pub(super) fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self { cores, turns: Semaphore::new(cores), present: AtomicUsize::new(0), line: Mutex::new(None) }
    }

    /// Waits for a turn, and not for ever. A burst may wait; of what keeps coming, only a few.
    pub(crate) async fn turn(&self) -> Result<Turn<'_>, Problem> {
        let before = self.present.fetch_add(1, Ordering::AcqRel);
        let present = Present(&self.present);
        if let Ok(turn) = self.turns.try_acquire() {
            return Ok(Turn { _present: present, _turn: turn });
        }
        let stays = self.stays(clock::monotonic());
        if stays && before >= (1 + LINE_PER_CORE) * self.cores {
            return Err(too_many());
        }
        let turn = tokio::time::timeout(PATIENCE, self.turns.acquire()).await;
        let turn = turn.map_err(|_| too_many())?.map_err(Problem::internal)?;
        Ok(Turn { _present: present, _turn: turn })
    }

    /// Notes that one has to wait; answers whether that is no burst any more.
    fn stays(&self, now: Instant) -> bool {
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let since = match *line {
            Some(Line { since, until }) if now.saturating_duration_since(until) <= BURST => since,
            _ => now,
        };
        *line = Some(Line { since, until: now });
        now.saturating_duration_since(since) > BURST
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
        // A while later, in which others had to wait too.
        let now = clock::monotonic();
        *work.line.lock().unwrap() = now.checked_sub(2 * BURST).map(|since| Line { since, until: now });
        assert!(work.turn().await.is_err());
        drop(first);
        for turn in line {
            drop(turn.await.unwrap());
        }
        // A turn that was free in between does not make a new burst of it.
        let first = work.turn().await.unwrap();
        let mut few: Vec<_> = (0..LINE_PER_CORE).map(|_| Box::pin(work.turn())).collect();
        for turn in &mut few {
            assert!(futures::poll!(turn).is_pending());
        }
        assert!(work.turn().await.is_err());
        drop(few);
        // Nobody stands in line for ever.
        assert!(work.turn().await.is_err());
        drop(first);
    }

    #[test]
    fn a_line_is_over_when_nobody_has_waited_for_a_while() {
        let work = LongWork::new();
        let now = clock::monotonic();
        assert!(!work.stays(now));
        assert!(!work.stays(now + BURST));
        assert!(work.stays(now + BURST + BURST));
        assert!(!work.stays(now + 4 * BURST));
    }
}
