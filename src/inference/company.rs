//! Whether requests come together: only then is it worth looking for others before a lone one is computed.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::clock;

/// Whether requests come together, or one client asks after the other.
pub(super) struct Company {
    opened: Instant,
    /// Microseconds after opening at which two requests were last there at once.
    seen: AtomicU64,
    /// Requests that came when nobody had been seen for longer.
    alone: AtomicU32,
}

impl Company {
    /// So long after two requests were there at once, others are looked for.
    const LATELY: Duration = Duration::from_millis(20);
    /// And for one in so many that are alone: on a single core nobody sees who waits.
    const SAMPLE: u32 = 16;

    pub(super) fn new() -> Self {
        Self { opened: clock::monotonic(), seen: AtomicU64::new(0), alone: AtomicU32::new(0) }
    }

    /// Two requests are there at once.
    pub(super) fn seen(&self) {
        self.seen.store(self.opened.elapsed().as_micros() as u64, Ordering::Relaxed);
    }

    /// Whether it is worth the change of threads that a request may suffer while others are read.
    pub(super) fn is_likely(&self) -> bool {
        let since =
            (self.opened.elapsed().as_micros() as u64).saturating_sub(self.seen.load(Ordering::Relaxed));
        let lately = u128::from(since) < Self::LATELY.as_micros();
        lately || self.alone.fetch_add(1, Ordering::Relaxed).is_multiple_of(Self::SAMPLE)
    }
}
