//! What a run has told and the server has not heard yet.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use crate::spec::report::{LogLevel, Progress, Report};

/// Most points in one batch, which makes it a few megabytes at most.
const POINTS: usize = 20_000;

/// Most reports in one batch, and most log lines that wait.
const REPORTS: usize = 1_000;

/// Most points that are held, some tens of megabytes, while neither the server nor the disk takes them.
const HELD: usize = 250_000;

/// Takes reports without ever waiting; of progress only the newest is kept.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
    taken: Condvar,
}

#[derive(Default)]
struct State {
    reports: Vec<Report>,
    /// Among the reports.
    points: usize,
    progress: Option<Progress>,
    /// Log lines that were left out.
    left_out: u64,
    closed: bool,
}

/// What waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    Nothing,
    /// Metrics and progress, of which a server need not hear more than a few times a second.
    Figures,
    /// Something that is to be heard of now.
    Urgent,
    /// Nothing, and nothing will come.
    Closed,
}

impl Outbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, report: Report) {
        self.state().push(report);
        self.changed.notify_one();
    }

    /// Waits that long at most for room for more points; whether there is some.
    pub(super) fn has_room_within(&self, patience: Duration) -> bool {
        let full = |state: &mut State| state.points >= HELD;
        let waited = self.taken.wait_timeout_while(self.state(), patience, full);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.points < HELD
    }

    /// Says that nothing more will come.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.changed.notify_one();
    }

    /// Waits until something was pushed since the last call.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    pub(super) fn waiting(&self) -> Waiting {
        self.state().waiting()
    }

    /// Takes back that a checkpoint stands, where nobody has been told of it yet.
    pub(super) fn withdraw(&self, checkpoint: &str) -> bool {
        let mut state = self.state();
        let before = state.reports.len();
        state.reports.retain(|report| !matches!(report, Report::Checkpoint { key, .. } if key == checkpoint));
        state.reports.len() < before
    }

    /// Takes what waits, at most one batch of it.
    pub(super) fn take(&self) -> Vec<Report> {
        let reports = self.state().take();
        self.taken.notify_all();
        reports
    }
}

impl State {
    fn push(&mut self, report: Report) {
        match report {
            Report::Progress(progress) => self.progress = Some(progress),
            Report::Metrics { mut points } => {
                self.points += points.len();
                if let Some(Report::Metrics { points: waiting }) = self.reports.last_mut()
                    && waiting.len() + points.len() <= POINTS
                {
                    waiting.append(&mut points);
                } else {
                    self.reports.push(Report::Metrics { points });
                }
            }
            Report::Log { .. } if self.reports.len() >= REPORTS => self.left_out += 1,
            Report::Finished { .. } => {
                self.settle();
                self.reports.push(report);
            }
            report => self.reports.push(report),
        }
    }

    /// Brings what stands apart among the reports.
    fn settle(&mut self) {
        if self.left_out > 0 {
            let message = format!("{} log lines were left out", std::mem::take(&mut self.left_out));
            self.reports.push(Report::Log { level: LogLevel::Warning, message });
        }
        self.reports.extend(self.progress.take().map(Report::Progress));
    }

    fn waiting(&self) -> Waiting {
        if self.reports.is_empty() && self.progress.is_none() {
            return if self.closed { Waiting::Closed } else { Waiting::Nothing };
        }
        let figures = |report: &Report| matches!(report, Report::Metrics { .. } | Report::Checkpoint { .. });
        if self.closed || !self.reports.iter().all(figures) { Waiting::Urgent } else { Waiting::Figures }
    }

    fn take(&mut self) -> Vec<Report> {
        let mut points = 0;
        let mut taken = 0;
        for report in self.reports.iter().take(REPORTS) {
            if let Report::Metrics { points: more } = report {
                points += more.len();
            }
            if taken > 0 && points > POINTS {
                break;
            }
            taken += 1;
        }
        if taken == self.reports.len() && !matches!(self.reports.last(), Some(Report::Finished { .. })) {
            self.settle();
            taken = self.reports.len();
        }
        let left = self.reports[taken..].iter().map(|report| match report {
            Report::Metrics { points } => points.len(),
            _ => 0,
        });
        self.points = left.sum();
        self.reports.drain(..taken).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::report::{Outcome, Point};

    fn points(count: usize) -> Report {
        let point = Point { name: "loss".into(), step: 1, epoch: 0.1, time: 0, value: 1.0 };
        Report::Metrics { points: vec![point; count] }
    }

    fn progress(step: u64) -> Report {
        Report::Progress(Progress { step, ..Progress::default() })
    }

    #[test]
    fn the_newest_progress_goes_before_the_end() {
        let outbox = Outbox::default();
        outbox.push(progress(1));
        outbox.push(points(2));
        outbox.push(points(3));
        assert_eq!(outbox.waiting(), Waiting::Figures);
        outbox.push(progress(2));
        let finished = Report::Finished { outcome: Outcome::Succeeded };
        outbox.push(finished.clone());
        outbox.close();
        assert_eq!(outbox.waiting(), Waiting::Urgent);
        assert_eq!(outbox.take(), [points(5), progress(2), finished]);
        assert_eq!(outbox.waiting(), Waiting::Closed);
    }

    #[test]
    fn a_checkpoint_can_be_taken_back_until_it_is_told() {
        let checkpoint = |step: u64| {
            let key = step.to_string();
            Report::Checkpoint { step, epoch: 0.0, key, sha256: String::new(), bytes: 1 }
        };
        let outbox = Outbox::default();
        for step in 1..=3 {
            outbox.push(checkpoint(step));
        }
        assert_eq!(outbox.waiting(), Waiting::Figures);
        assert!(outbox.withdraw("2") && !outbox.withdraw("2"));
        assert_eq!(outbox.take(), [checkpoint(1), checkpoint(3)]);
        assert!(!outbox.withdraw("3"));
    }

    #[test]
    fn what_nobody_takes_has_a_bound() {
        let outbox = Outbox::default();
        while outbox.has_room_within(Duration::ZERO) {
            outbox.push(points(POINTS));
        }
        let held = std::iter::from_fn(|| Some(outbox.take()).filter(|reports| !reports.is_empty()));
        assert_eq!(held.flatten().count(), HELD.div_ceil(POINTS));
        assert!(outbox.has_room_within(Duration::ZERO));
    }

    #[test]
    fn batches_are_bounded() {
        let outbox = Outbox::default();
        for _ in 0..5 {
            outbox.push(points(POINTS / 2 + 1));
        }
        assert_eq!(outbox.take().len(), 1);
        for _ in 0..3 * REPORTS {
            outbox.push(Report::Log { level: LogLevel::Info, message: "again".into() });
        }
        let mut batches = 0;
        while outbox.waiting() != Waiting::Nothing {
            assert!(outbox.take().len() <= REPORTS + 2);
            batches += 1;
        }
        assert!(batches < 8, "{batches}");
    }
}
