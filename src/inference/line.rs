//! Who stands in line in this process: tasks that were woken, most of them by a request, and have not had their turn. Whoever
//! fills a batch sees by it whether more is about to come.

use std::sync::atomic::{AtomicIsize, Ordering};

/// Whoever is woken and has their turn at once may leave before they have joined.
static LENGTH: AtomicIsize = AtomicIsize::new(0);

/// One was woken.
pub fn join() {
    LENGTH.fetch_add(1, Ordering::Relaxed);
}

/// One has its turn, or has gone.
pub fn leave() {
    LENGTH.fetch_sub(1, Ordering::Relaxed);
}

/// Whether nobody waits for a turn.
pub fn is_empty() -> bool {
    LENGTH.load(Ordering::Relaxed) <= 0
}
