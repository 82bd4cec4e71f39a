//! Brings to the server what the run tells, and to the run what the server says.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::limits;
use super::link::{Heard, Link};
use super::outbox::{Outbox, Waiting};
use crate::jobs::SPOOL;
use crate::jobs::process;
use crate::jobs::protocol::{Assignment, Batch, Heartbeat};
use crate::spec::report::{Control, Report};
use crate::{clock, fault};

/// Metrics and progress are sent no faster than this.
const PACE: Duration = Duration::from_millis(200);

/// How often a server is looked for that does not answer.
const AGAIN: Duration = Duration::from_millis(500);

/// How long a finished run looks for a server, before it leaves its last words on the disk.
const FAREWELL: Duration = Duration::from_secs(20);

/// What the run is told to do, which it reads at every step; and what the server is known to know.
#[derive(Debug, Default)]
pub(super) struct Orders {
    told: AtomicU8,
    /// One more than the step of the newest checkpoint that the server has heard of.
    known: AtomicU64,
    /// Whether there is no server for now, and what is told stands on the disk.
    alone: AtomicBool,
}

const STOP: u8 = 2;
const GONE: u8 = 3;

impl Orders {
    pub(super) fn control(&self) -> Control {
        match self.told.load(Ordering::Relaxed) {
            0 => Control::Continue,
            1 => Control::Pause,
            _ => Control::Stop,
        }
    }

    fn tell(&self, control: Control) {
        let order = match control {
            Control::Continue => 0,
            Control::Pause => 1,
            Control::Stop => STOP,
        };
        // To stop is for good.
        let _ = self
            .told
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |told| (told < STOP).then_some(order));
    }

    /// Whether the server has heard of a checkpoint of this step or a later one.
    pub(super) fn knows(&self, step: u64) -> bool {
        self.known.load(Ordering::Relaxed) > step
    }

    /// Whether there is no server for now.
    pub(super) fn is_alone(&self) -> bool {
        self.alone.load(Ordering::Relaxed)
    }

    /// Nobody wants to hear of this run any more.
    fn gone(&self) {
        self.told.store(GONE, Ordering::Relaxed);
    }

    pub(super) fn is_gone(&self) -> bool {
        self.told.load(Ordering::Relaxed) == GONE
    }
}

/// What became of the run's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivered {
    All,
    /// The rest stands on the disk.
    Spooled,
    /// Nobody wants them.
    Gone,
}

/// Of which run the talk is.
#[derive(Clone, Debug)]
pub(super) struct About {
    run: Uuid,
    attempt: u32,
    token: Arc<str>,
    folder: PathBuf,
    log: PathBuf,
    log_bytes: u64,
    orphan: Duration,
}

/// Gives signs of life, and hears at once what the run is to do.
pub(super) async fn beat(link: Link, about: About, orders: Arc<Orders>) {
    let mut heard = clock::monotonic();
    let mut log_is_full = false;
    while !orders.is_gone() {
        let beat = Heartbeat { attempt: about.attempt, control: orders.control() };
        match link.heartbeat(about.run, &about.token, beat).await {
            Heard::Told(control) => {
                heard = clock::monotonic();
                orders.tell(control);
            }
            Heard::Gone => orders.gone(),
            Heard::Nothing => {
                // Without its folder there is no server that could ever ask for this run.
                if !about.folder.exists() {
                    orders.gone();
                }
                if clock::monotonic() - heard > about.orphan {
                    tracing::warn!("there has been no server for too long; the run ends behind a checkpoint");
                    orders.tell(Control::Pause);
                }
                tokio::time::sleep(AGAIN).await;
            }
        }
        log_is_full = log_is_full || limits::cap_log(&about.log, about.log_bytes);
    }
}

/// Sends the run's reports in their order.
pub(super) struct Reporter {
    link: Link,
    about: About,
    outbox: Arc<Outbox>,
    orders: Arc<Orders>,
    seq: u64,
    spool: Spool,
}

impl Reporter {
    pub(super) fn new(link: Link, assignment: &Assignment, outbox: Arc<Outbox>, orders: Arc<Orders>) -> Self {
        let about = About {
            run: assignment.run,
            attempt: assignment.attempt,
            token: assignment.token.as_str().into(),
            folder: assignment.folder.clone(),
            log: assignment.folder.join("log"),
            log_bytes: assignment.limits.log_bytes,
            orphan: Duration::from_secs(assignment.limits.orphan_seconds),
        };
        let spool = Spool { path: assignment.folder.join(SPOOL), filled: false };
        Self { link, about, outbox, orders, seq: 0, spool }
    }

    pub(super) fn about(&self) -> About {
        self.about.clone()
    }

    /// Until all is said.
    pub(super) async fn run(mut self) -> Delivered {
        let mut paced: Option<Instant> = None;
        let mut looked = clock::monotonic();
        loop {
            // A server that is back is noticed however busy the run is.
            if self.spool.filled && looked.elapsed() >= AGAIN {
                self.bring_spool().await;
                looked = clock::monotonic();
            }
            match self.outbox.waiting() {
                Waiting::Nothing => {
                    self.idle().await;
                    continue;
                }
                Waiting::Closed => break,
                Waiting::Urgent => {}
                Waiting::Figures => {
                    if let Some(next) = paced.filter(|next| *next > clock::monotonic()) {
                        self.pause_until(next).await;
                        continue;
                    }
                    paced = Some(clock::monotonic() + PACE);
                }
            }
            self.seq += 1;
            let batch = Batch { attempt: self.about.attempt, seq: self.seq, reports: self.outbox.take() };
            if self.orders.is_gone() {
                continue;
            }
            fault::point("worker.batch.taken");
            self.deliver(&batch).await;
        }
        self.farewell().await
    }

    /// Sees to it that the server has the batch or the disk holds it; while neither takes it, it is held here.
    async fn deliver(&mut self, batch: &Batch) {
        while !self.orders.is_gone() {
            if !self.spool.filled && self.send(batch).await {
                return fault::point("worker.batch.sent");
            }
            match self.spool.add(batch) {
                Ok(()) => {
                    self.orders.alone.store(true, Ordering::Relaxed);
                    return fault::point("worker.batch.spooled");
                }
                Err(error) => tracing::error!(%error, "reports wait: they can be neither sent nor kept"),
            }
            tokio::time::sleep(AGAIN).await;
            if self.spool.filled {
                self.bring_spool().await;
            }
        }
    }

    /// Waits for something to say; what the disk holds is brought meanwhile, once there is a server again.
    async fn idle(&mut self) {
        if self.spool.filled {
            tokio::select! {
                () = self.outbox.changed() => {}
                () = tokio::time::sleep(AGAIN) => { self.bring_spool().await; }
            }
        } else {
            self.outbox.changed().await;
        }
    }

    async fn pause_until(&self, moment: Instant) {
        tokio::select! {
            () = self.outbox.changed() => {}
            () = tokio::time::sleep_until(moment.into()) => {}
        }
    }

    /// Whether the server has the batch, or wants none any more.
    async fn send(&self, batch: &Batch) -> bool {
        match self.link.report(self.about.run, &self.about.token, batch).await {
            Heard::Told(control) => {
                self.orders.tell(control);
                let steps = batch.reports.iter().filter_map(|report| match report {
                    Report::Checkpoint { step, .. } => Some(*step),
                    _ => None,
                });
                if let Some(step) = steps.max() {
                    self.orders.known.fetch_max(step + 1, Ordering::Relaxed);
                }
                true
            }
            Heard::Gone => {
                self.orders.gone();
                true
            }
            Heard::Nothing => false,
        }
    }

    /// Whether the disk holds nothing any more.
    async fn bring_spool(&mut self) -> bool {
        for batch in self.spool.read() {
            if !self.send(&batch).await {
                return false;
            }
            if self.orders.is_gone() {
                break;
            }
        }
        self.spool.clear();
        self.orders.alone.store(self.spool.filled, Ordering::Relaxed);
        true
    }

    async fn farewell(mut self) -> Delivered {
        let begun = clock::monotonic();
        while self.spool.filled && !self.orders.is_gone() {
            if self.bring_spool().await {
                break;
            }
            if clock::monotonic() - begun > FAREWELL {
                return Delivered::Spooled;
            }
            tokio::time::sleep(AGAIN).await;
        }
        if self.orders.is_gone() { Delivered::Gone } else { Delivered::All }
    }
}

/// Batches on the disk, a line each.
struct Spool {
    path: PathBuf,
    filled: bool,
}

impl Spool {
    /// Adds a batch, or leaves what stands as it was.
    fn add(&mut self, batch: &Batch) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(batch).map_err(std::io::Error::other)?;
        line.push(b'\n');
        let mut file = process::append(&self.path)?;
        let before = file.metadata()?.len();
        if let Err(error) = file.write_all(&line).and_then(|()| file.sync_data()) {
            // Half a line would hide those behind it.
            file.set_len(before)?;
            return Err(error);
        }
        self.filled = true;
        Ok(())
    }

    fn read(&self) -> impl Iterator<Item = Batch> + use<> {
        let lines = File::open(&self.path).ok().map(|file| BufReader::new(file).lines());
        lines.into_iter().flatten().map_while(|line| serde_json::from_str(&line.ok()?).ok())
    }

    fn clear(&mut self) {
        match std::fs::remove_file(&self.path) {
            Ok(()) => self.filled = false,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.filled = false,
            Err(error) => tracing::error!(%error, "reports that were delivered cannot be removed"),
        }
    }
}
