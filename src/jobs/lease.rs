//! The lease of a run that is watched: what follows from its signs of life, from what it was told, and from time.
//! `docs/state-machines.md` shows it as a table.

use std::time::{Duration, Instant};

/// A lease never ends this soon after the server began: what holds it up may hold up the runs as well.
const FIRST: Duration = Duration::from_mins(1);

/// Why a run is ended for want of something, by the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// It gave no sign of life.
    Silent,
    /// Its job ran for as long as it may.
    OutOfTime,
    /// It was told to stop, and did not within the time it had.
    Deaf,
}

pub(crate) struct Lease {
    length: Duration,
    grace: Duration,
    heard: Instant,
    told: Option<Instant>,
    time_is_up: Option<Instant>,
}

impl Lease {
    /// Of a run that was heard of at a moment, lasts for `length` after each sign of life, has `grace` to stop when it is
    /// told to, and may run for `time_left` from `now` on.
    pub(crate) fn new(
        length: Duration,
        grace: Duration,
        heard: Instant,
        time_left: Option<Duration>,
        now: Instant,
    ) -> Self {
        let time_is_up = time_left.and_then(|left| now.checked_add(left));
        Self { length, grace, heard, told: None, time_is_up }
    }

    /// When a run counts as heard of that an earlier server left: late enough for the first lease.
    pub(crate) fn adopted(length: Duration, now: Instant) -> Instant {
        now + FIRST.saturating_sub(length)
    }

    /// A sign of life.
    pub(crate) fn hear(&mut self, at: Instant) {
        self.heard = self.heard.max(at);
    }

    /// It is told to stop; again is the same as once. To pause takes as long as the step and the checkpoint take, and
    /// ends no lease.
    pub(crate) fn tell(&mut self, at: Instant) {
        self.told.get_or_insert(at);
    }

    /// When the clock may next make a difference.
    pub(crate) fn next_look(&self) -> Instant {
        let lease_ends = self.heard + self.length;
        [self.time_is_up, self.patience_ends()].into_iter().flatten().fold(lease_ends, Instant::min)
    }

    pub(crate) fn judge(&self, now: Instant) -> Option<Lapse> {
        let past = |end: Option<Instant>| end.is_some_and(|end| now >= end);
        match () {
            () if past(self.time_is_up) => Some(Lapse::OutOfTime),
            () if past(self.patience_ends()) => Some(Lapse::Deaf),
            () if past(Some(self.heard + self.length)) => Some(Lapse::Silent),
            () => None,
        }
    }

    fn patience_ends(&self) -> Option<Instant> {
        self.told.map(|told| told + self.grace)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::clock;

    const LENGTH: Duration = Duration::from_secs(15);
    const GRACE: Duration = Duration::from_secs(10);
    const TIME: Duration = Duration::from_mins(30);
    const STATES: [&str; 3] = ["live", "adopted", "told to stop"];
    const EVENTS: [&str; 6] = [
        "sign of life",
        "told to stop",
        "grace over",
        "silent for a lease",
        "silent for the first minute",
        "time is up",
    ];

    fn state(lease: &Lease, now: Instant) -> String {
        match lease.judge(now) {
            Some(Lapse::Silent) => "silent".into(),
            Some(Lapse::OutOfTime) => "out of time".into(),
            Some(Lapse::Deaf) => "deaf".into(),
            None if lease.told.is_some() => "told to stop".into(),
            None if lease.heard > now => "adopted".into(),
            None => "live".into(),
        }
    }

    /// The state behind an event; the clock has moved on by what the event takes.
    fn cell(from: &str, event: &str) -> String {
        let begun = clock::monotonic();
        let heard = if from == "adopted" { Lease::adopted(LENGTH, begun) } else { begun };
        let mut lease = Lease::new(LENGTH, GRACE, heard, Some(TIME), begun);
        if from == "told to stop" {
            lease.tell(begun);
        }
        assert_eq!(state(&lease, begun), from);
        let tick = Duration::from_secs(1);
        let now = match event {
            "sign of life" => {
                lease.hear(begun + LENGTH * 5);
                begun + LENGTH * 5
            }
            "told to stop" => {
                lease.tell(begun + tick);
                begun + tick
            }
            "grace over" => begun + GRACE,
            "silent for a lease" => begun + LENGTH,
            "silent for the first minute" => begun + FIRST,
            "time is up" => begun + TIME,
            other => panic!("{other}"),
        };
        if from == "told to stop" && event == "sign of life" {
            // Within the grace.
            return state(&lease, begun + tick);
        }
        assert!(lease.next_look() > begun);
        state(&lease, now)
    }

    #[test]
    fn the_table_is_what_leases_do() {
        let mut table = format!("| lease | {} |\n|{}\n", EVENTS.join(" | "), "---|".repeat(EVENTS.len() + 1));
        for from in STATES {
            let cells: Vec<String> = EVENTS.iter().map(|event| cell(from, event)).collect();
            let _ = writeln!(table, "| **{from}** | {} |", cells.join(" | "));
        }
        let page = include_str!("../../docs/state-machines.md");
        assert!(page.contains(&table), "docs/state-machines.md has another table than\n{table}");
    }

    #[test]
    fn nothing_is_judged_before_the_next_look() {
        let now = clock::monotonic();
        let mut lease = Lease::new(LENGTH, GRACE, now, Some(TIME), now);
        for step in 1..100 {
            let look = lease.next_look();
            assert_eq!(lease.judge(look.checked_sub(Duration::from_nanos(1)).unwrap()), None);
            assert!(lease.judge(look).is_some());
            lease.hear(now + Duration::from_secs(step));
        }
        lease.tell(now + TIME / 2);
        assert_eq!(lease.judge(lease.next_look()), Some(Lapse::Silent));
        lease.hear(now + TIME / 2);
        assert_eq!(lease.judge(lease.next_look()), Some(Lapse::Deaf));
    }
}
