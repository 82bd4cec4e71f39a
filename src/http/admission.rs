//! Who is let in when more comes than can be answered, so that what is let in is answered as fast as ever.
//!
//! What waits stands where nobody counts it: in sockets, and among the tasks that are ready to run. How many there are
//! follows from how many come in a second and how long one of them waits for its turn (Little, *A Proof for the Queuing
//! Formula L = λW*, 1961), which a task measures that stands in line as they do. A burst is let through; where the line
//! does not get shorter, a growing share of what comes is refused until it does (Nichols and Jacobson, *Controlling
//! Queue Delay*, 2012, judge a line by its shortest in a while too).

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::problem::Problem;
use crate::clock;

/// Requests in line for each core, beyond which some are refused.
const LINE_PER_CORE: f64 = 4.0;

/// Time between two looks at the line.
const LOOK: Duration = Duration::from_millis(2);

/// The line is judged by its shortest in this time.
const WINDOW: Duration = Duration::from_millis(100);

/// Windows in a row that a line may be too long: a burst is over by then.
const BURST: u32 = 3;

/// After so long without a judgement nothing is known of the line.
const FORGOTTEN: Duration = Duration::from_secs(1);

/// A refusal is answered after this time: who asks again at once would fill the line with requests to refuse.
const HELD_BACK: Duration = Duration::from_millis(100);

/// What is refused for want of these is held back.
const HOLDING: [&str; 4] = ["requests", "load", "long_work", "model_queue"];

/// The door of the server.
#[derive(Clone)]
pub(crate) struct Admission(Arc<Door>);

struct Door {
    /// Requests that are being answered, and how many may be.
    present: AtomicUsize,
    places: usize,
    /// The longest line.
    most: f64,
    opened: Instant,
    arrived: AtomicU64,
    /// Microseconds after opening at which the line is looked at next.
    look_at: AtomicU64,
    /// The share of requests that are refused, of 2³², and the microseconds after opening at which it was judged.
    refused: AtomicU32,
    judged_at: AtomicU64,
    /// The shares of those before, added up: one is refused when the sum runs over.
    sum: AtomicU32,
    line: Mutex<Line>,
}

/// A place among the requests that are answered at once, for as long as it is held.
pub(super) struct Place(Arc<Door>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What is known of the line in the window under way.
struct Line {
    since: Instant,
    arrived: u64,
    shortest_wait: Duration,
    /// Windows in a row in which it was too long.
    long: u32,
    share: f64,
}

impl Admission {
    /// At most `requests` are answered at once.
    pub(super) fn new(requests: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let opened = clock::monotonic();
        Self(Arc::new(Door {
            present: AtomicUsize::new(0),
            places: requests,
            most: LINE_PER_CORE * cores as f64,
            opened,
            arrived: AtomicU64::new(0),
            look_at: AtomicU64::new(0),
            refused: AtomicU32::new(0),
            judged_at: AtomicU64::new(0),
            sum: AtomicU32::new(0),
            line: Mutex::new(Line::new(opened)),
        }))
    }

    /// A place among the requests that are answered at once.
    pub(super) fn admit(&self) -> Result<Place, Problem> {
        let door = &self.0;
        door.arrived.fetch_add(1, Ordering::Relaxed);
        self.look();
        let share = self.share();
        if share > 0 && door.sum.fetch_add(share, Ordering::Relaxed).checked_add(share).is_none() {
            return Err(Problem::unavailable("more is asked than can be answered", 1).for_want_of("load"));
        }
        let place = Place(door.clone());
        if door.present.fetch_add(1, Ordering::Relaxed) >= door.places {
            let detail = "as many requests are being answered as may be";
            return Err(Problem::unavailable(detail, 1).for_want_of("requests"));
        }
        Ok(place)
    }

    /// Places that are free.
    pub(super) fn free(&self) -> usize {
        self.0.places.saturating_sub(self.0.present.load(Ordering::Relaxed))
    }

    /// The share of requests that are refused now.
    pub(super) fn refused_share(&self) -> f64 {
        f64::from(self.share()) / f64::from(u32::MAX)
    }

    fn share(&self) -> u32 {
        let share = self.0.refused.load(Ordering::Relaxed);
        if share == 0 {
            return 0;
        }
        let judged = Duration::from_micros(self.0.judged_at.load(Ordering::Relaxed));
        if self.0.opened.elapsed().saturating_sub(judged) > FORGOTTEN { 0 } else { share }
    }

    /// Looks at the line, where that is due, by a task that waits in it.
    fn look(&self) {
        let now = self.0.opened.elapsed().as_micros() as u64;
        let due = self.0.look_at.load(Ordering::Relaxed);
        let next = now + LOOK.as_micros() as u64;
        if now < due
            || self.0.look_at.compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            return;
        }
        let door = self.0.clone();
        tokio::spawn(async move {
            let begun = clock::monotonic();
            tokio::task::yield_now().await;
            door.note(clock::monotonic(), begun.elapsed());
        });
    }
}

impl Door {
    fn note(&self, now: Instant, wait: Duration) {
        let arrived = self.arrived.load(Ordering::Relaxed);
        let mut line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        let share = line.note(now, wait, arrived, self.most);
        let judged = line.since.saturating_duration_since(self.opened).as_micros();
        self.judged_at.store(judged as u64, Ordering::Relaxed);
        self.refused.store((share * f64::from(u32::MAX)) as u32, Ordering::Relaxed);
    }
}

impl Line {
    fn new(now: Instant) -> Self {
        Self { since: now, arrived: 0, shortest_wait: Duration::MAX, long: 0, share: 0.0 }
    }

    /// Takes in how long a task waited, when so many requests had arrived; answers the share to refuse.
    fn note(&mut self, now: Instant, wait: Duration, arrived: u64, most: f64) -> f64 {
        self.shortest_wait = self.shortest_wait.min(wait);
        let elapsed = now.saturating_duration_since(self.since);
        if elapsed < WINDOW {
            return self.share;
        }
        let rate = (arrived - self.arrived) as f64 / elapsed.as_secs_f64();
        let waiting = rate * self.shortest_wait.as_secs_f64();
        if elapsed > FORGOTTEN {
            (self.long, self.share) = (0, 0.0);
        } else if waiting > most {
            self.long += 1;
            if self.long >= BURST {
                self.share += (1.0 - self.share) / 4.0;
            }
        } else {
            self.long = 0;
            self.share = if self.share > 0.01 { self.share * 0.6 } else { 0.0 };
        }
        (self.since, self.arrived, self.shortest_wait) = (now, arrived, Duration::MAX);
        self.share
    }
}

/// Holds a refusal back that tells of too much to do.
pub(super) async fn hold_back(refusal: Option<&str>) {
    if refusal.is_some_and(|what| HOLDING.contains(&what)) {
        tokio::time::sleep(HELD_BACK).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The share refused of 1,000 requests a second after so many windows in which a task waits so long.
    fn share(line: &mut Line, at: &mut Instant, windows: u32, wait: Duration) -> f64 {
        let mut share = line.share;
        for _ in 0..windows {
            *at += WINDOW;
            let arrived = line.arrived + 100;
            share = line.note(*at, wait, arrived, 32.0);
        }
        share
    }

    #[test]
    fn a_burst_is_let_through_and_a_line_that_stays_is_not() {
        let mut at = clock::monotonic();
        let mut line = Line::new(at);
        let (short, long) = (Duration::from_millis(20), Duration::from_millis(40));
        assert_eq!(share(&mut line, &mut at, 10, short), 0.0);
        assert_eq!(share(&mut line, &mut at, BURST - 1, long), 0.0);
        assert_eq!(share(&mut line, &mut at, 1, short), 0.0);
        assert_eq!(share(&mut line, &mut at, BURST, long), 0.25);
        assert!(share(&mut line, &mut at, 8, long) > 0.9);
        let less = share(&mut line, &mut at, 1, short);
        assert!(less > 0.4 && less < 0.9);
        assert_eq!(share(&mut line, &mut at, 30, short), 0.0);
    }

    #[test]
    fn one_long_wait_in_a_window_is_none_of_the_line() {
        let mut at = clock::monotonic();
        let mut line = Line::new(at);
        for _ in 0..10 {
            line.note(at, Duration::from_micros(50), line.arrived, 32.0);
            assert_eq!(share(&mut line, &mut at, 1, Duration::from_secs(1)), 0.0);
        }
    }

    #[test]
    fn after_a_silence_nothing_is_refused() {
        let mut at = clock::monotonic();
        let mut line = Line::new(at);
        assert!(share(&mut line, &mut at, 10, Duration::from_secs(1)) > 0.5);
        at += FORGOTTEN;
        assert_eq!(share(&mut line, &mut at, 1, Duration::from_secs(1)), 0.0);
    }
}
