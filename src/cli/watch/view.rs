//! How a job that is watched is shown.

use std::io::IsTerminal as _;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::follow::Event;
use super::standing::Standing;
use crate::cli::{Exit, output};
use crate::clock;

/// Lines of a job that is in its epochs for long.
const SELDOM: Duration = Duration::from_secs(10);
/// Lines of one that is through them fast.
const OFTEN: Duration = Duration::from_secs(1);
/// The bar's length stands for the whole job.
const WHOLE: u64 = 1_000;

pub(in crate::cli) enum View {
    /// A bar on a terminal.
    Bar(ProgressBar),
    /// A line now and then where there is none.
    Lines(Lines),
    /// Each event as it comes.
    Json,
    Nothing,
}

pub(in crate::cli) struct Lines {
    last: Option<Instant>,
    epoch: u64,
    status: String,
}

impl View {
    /// What suits standard error.
    pub(in crate::cli) fn live() -> Self {
        if !std::io::stderr().is_terminal() {
            return Self::Lines(Lines { last: None, epoch: 0, status: String::new() });
        }
        let bar = ProgressBar::new(WHOLE);
        if let Ok(style) = ProgressStyle::with_template("{bar:8} {percent:>3} %  {wide_msg}") {
            bar.set_style(style.progress_chars("━╸ "));
        }
        Self::Bar(bar)
    }

    pub(super) fn show(&mut self, job: &str, event: &Event, standing: &Standing) -> Result<(), Exit> {
        let remark = remark(event);
        match self {
            Self::Json => return output::json(&event.document(job)),
            Self::Nothing => {}
            Self::Bar(bar) => {
                if let Some(remark) = remark {
                    bar.println(remark);
                }
                bar.set_position((standing.progress.fraction * WHOLE as f64) as u64);
                bar.set_message(standing.line());
            }
            Self::Lines(lines) => {
                if let Some(remark) = remark {
                    output::note(remark);
                }
                lines.show(event, standing);
            }
        }
        Ok(())
    }

    /// Makes room for what is printed next.
    pub(super) fn finish(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

impl Lines {
    fn show(&mut self, event: &Event, standing: &Standing) {
        let now = clock::monotonic();
        let since = self.last.map_or(Duration::MAX, |last| now - last);
        let due = match &event.kind[..] {
            "status" => self.status != standing.status,
            "progress" => since >= SELDOM || (self.epoch != standing.progress.epoch && since >= OFTEN),
            _ => false,
        };
        if due {
            output::note(format_args!("{:3.0} %  {}", 100.0 * standing.progress.fraction, standing.line()));
            self.last = Some(now);
            self.epoch = standing.progress.epoch;
            standing.status.clone_into(&mut self.status);
        }
    }
}

/// What is worth a line of its own.
fn remark(event: &Event) -> Option<String> {
    match &event.kind[..] {
        "log" => event.data["message"].as_str().map(str::to_owned),
        "resumed" => Some(format!("goes on from step {}", event.data["from_step"])),
        _ => None,
    }
}
