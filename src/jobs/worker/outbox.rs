//! What a run has told and the server has not heard yet.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::spec::report::{LogLevel, Progress, Report};

/// Most points in one batch, which makes it a few megabytes at most.
const POINTS: usize = 20_000;

/// Most reports in one batch, and most log lines that wait.
const REPORTS: usize = 1_000;

/// Takes reports without ever waiting; of progress only the newest is kept.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    reports: Vec<Report>,
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
        self.state().take()
    }
}

impl State {
    fn push(&mut self, report: Report) {
        match report {
            Report::Progress(progress) => self.progress = Some(progress),
            Report::Metrics { mut points } => {
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
