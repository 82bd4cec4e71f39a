//! Watches each run: its process, its signs of life, its time, and whether it does what it is told.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::core::{Core, Live, LiveRun};
use super::debris;
use super::lease::{Lapse, Lease};
use super::process::{self, Ended, Process};
use super::protocol::Batch;
use super::runner::forget_old_checkpoints;
use super::scheduler::{ending, kept_checkpoints, trace_of};
use super::workers::Worker;
use crate::spec::report::{Control, ErrorKind, Report, RunError};
use crate::store::{OpenRun, RunId, StoreError};
use crate::{clock, fault};

/// How often an ending is tried that the store did not take.
const AGAIN: Duration = Duration::from_secs(1);

/// How long a process that was killed keeps what it took: it may wait for a disk or a device.
const DYING: Duration = Duration::from_secs(30);

/// A look at a lease that comes so much too late was held up with all else here.
const HELD_UP: Duration = Duration::from_secs(2);

/// Why a run is ended from outside.
enum Verdict {
    /// It needs no watching any more.
    Over,
    Gone(Ended),
    Lapsed(Lapse),
}

/// Watches a run to its end.
pub(crate) async fn watch(core: Arc<Core>, live: Arc<Live>, worker: Arc<Worker>) {
    let kills = process::out_of_memory_kills();
    let verdict = judge(&core, &live, &worker).await;
    let error = match verdict {
        Verdict::Over => return,
        Verdict::Gone(ended) => {
            if deliver_spool(&core, &live).await {
                return debris::clear(&core, &live).await;
            }
            why_gone(&core, &live, ended, kills)
        }
        Verdict::Lapsed(Lapse::Silent) => {
            core.leases_lost.inc();
            let seconds = core.settings.run_lease_seconds;
            ending(ErrorKind::Lost, format!("the run gave no sign of life for {seconds} s"))
        }
        Verdict::Lapsed(Lapse::OutOfTime) => RunError {
            kind: ErrorKind::Timeout,
            detail: "the job ran for as long as its timeout_seconds allow".into(),
            hint: Some("raise timeout_seconds, or train for fewer epochs".into()),
        },
        Verdict::Lapsed(Lapse::Deaf) => {
            ending(ErrorKind::Lost, "the run did not stop when it was told to, and was killed")
        }
    };
    // The run is fenced before it is killed: nothing of it counts from here on. What it took is free when it has gone.
    end_in_store(&core, live.run, &error, Over::Now).await;
    fault::point("server.run.fenced");
    worker.process.kill();
    if tokio::time::timeout(DYING, worker.ended()).await.is_err() {
        tracing::error!(run = %live.run, "a run's process does not end although it was killed");
    }
    core.let_go(&live);
    worker.ended().await;
    debris::clear(&core, &live).await;
}

async fn judge(core: &Core, live: &Live, worker: &Worker) -> Verdict {
    let length = Duration::from_secs(core.settings.run_lease_seconds);
    let grace = Duration::from_secs(core.settings.grace_seconds);
    let mut lease = Lease::new(length, grace, live.heard(), live.time_left, clock::monotonic());
    let mut control = live.control.subscribe();
    loop {
        if *control.borrow_and_update() == Control::Stop {
            lease.tell(clock::monotonic());
        }
        lease.hear(live.heard());
        let due = lease.next_look();
        tokio::select! {
            biased;
            () = live.ended.cancelled() => return Verdict::Over,
            // The run goes on, and the next server takes it over.
            () = core.closing.cancelled() => return Verdict::Over,
            ended = worker.ended() => return Verdict::Gone(ended),
            Ok(()) = control.changed() => {}
            () = tokio::time::sleep_until(due.into()) => {
                lease.hear(live.heard());
                let now = clock::monotonic();
                if now.saturating_duration_since(due) > HELD_UP {
                    // Where this server stood still, the run had nobody to tell that it lives.
                    lease.hear(now);
                }
                if let Some(lapse) = lease.judge(now) {
                    return Verdict::Lapsed(lapse);
                }
            }
        }
    }
}

/// Ends a run from outside, and frees what it took.
pub(crate) async fn end(core: &Core, live: &Live, error: RunError) {
    end_in_store(core, live.run, &error, Over::Now).await;
    core.let_go(live);
}

/// When a run that is ended from outside stopped running.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Over {
    Now,
    /// Nobody knows; it was heard of last before this server began.
    WhenHeard,
}

/// Ends a run from outside, however often the store must be asked.
pub(crate) async fn end_in_store(core: &Core, run: RunId, error: &RunError, over: Over) {
    fault::point("server.run.ending");
    loop {
        let ended = match over {
            Over::Now => core.store.end_run(run, error.clone()).await,
            Over::WhenHeard => core.store.end_left_run(run, error.clone()).await,
        };
        match ended {
            Ok(ended) => {
                if ended {
                    tracing::warn!(%run, kind = error.kind.word(), "{}", error.detail);
                }
                return;
            }
            Err(StoreError::Closed | StoreError::NotFound(_) | StoreError::Gone) => return,
            Err(failure) => {
                tracing::error!(error = %failure, %run, "a run's end could not be stored; trying again");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// What is to be said of a process that ended without a word.
fn why_gone(core: &Core, live: &Live, ended: Ended, kills_before: u64) -> RunError {
    let log = core.folder.run_log(live.run.0);
    let said = tail(&log).unwrap_or_default();
    let starved = match ended {
        Ended::Killed(9) => process::out_of_memory_kills() > kills_before,
        // A thread that cannot be started has no room for its stack.
        _ => ["memory allocation of", "std::bad_alloc", "Thread creation failed"]
            .iter()
            .any(|words| said.contains(words)),
    };
    if starved {
        return RunError {
            kind: ErrorKind::OutOfMemory,
            detail: format!(
                "the run's process {ended} for want of memory, of which its resources.memory_mb give it {} MiB",
                live.memory_mb
            ),
            hint: Some("raise resources.memory_mb or lower training.batch_size".into()),
        };
    }
    ending(ErrorKind::Lost, format!("the run's process {ended}"))
}

/// The last few thousand bytes of a file.
fn tail(path: &Path) -> std::io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(4_096)))?;
    let mut bytes = Vec::new();
    file.take(4_096).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Applies what a worker that is gone could not deliver; `true` where that ended the run.
async fn deliver_spool(core: &Core, live: &Live) -> bool {
    let spool = core.folder.run(live.run.0).join(super::SPOOL);
    let Ok(file) = std::fs::File::open(&spool) else { return false };
    let written = written(&file);
    let mut over = false;
    for line in BufReader::new(file).lines() {
        // A line that was cut short is the last.
        let Some(batch) = line.ok().and_then(|line| serde_json::from_str::<Batch>(&line).ok()) else { break };
        if !batch.fits() || !batch.keeps_to_its_own(live.job.0, live.run.0) {
            tracing::warn!(run = %live.run, seq = batch.seq, "a run left word that cannot be true");
            return false;
        }
        over |= batch.reports.iter().any(|report| matches!(report, Report::Finished { .. }));
        loop {
            let reports = batch.reports.clone();
            match core.store.report(live.run, batch.attempt, batch.seq, written, reports).await {
                Ok(_) => break,
                // What the run has made is not lost for want of room.
                Err(error @ (StoreError::Full | StoreError::Busy | StoreError::Database(_)))
                    if !core.closing.is_cancelled() =>
                {
                    tracing::error!(%error, run = %live.run, "what a run left behind waits to be stored");
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => {
                    tracing::warn!(%error, run = %live.run, seq = batch.seq, "what a run left behind could not be applied");
                    return false;
                }
            }
        }
    }
    forget_old_checkpoints(core, live).await;
    if over {
        core.let_go(live);
    }
    over
}

/// When a file was written last. A run that ended long ago has not run since.
fn written(file: &std::fs::File) -> i64 {
    let since = file.metadata().and_then(|told| told.modified()).ok();
    let since = since.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let time = since.and_then(|since| i64::try_from(since.as_micros()).ok());
    time.unwrap_or(i64::MAX).min(clock::now_us())
}

/// Takes over the runs that an earlier server left: those whose process lives go on, the others end as lost.
pub(crate) async fn take_over(core: &Arc<Core>) -> Result<(), StoreError> {
    for open in core.store.open_runs().await? {
        let identity = open.run.process.as_ref().map(|process| process::Identity {
            pid: process.pid,
            started: process.start_time,
            boot: process.boot_id.clone(),
        });
        let alive = identity.and_then(|identity| Process::adopt(&identity).ok());
        let live = core.take_up(left_run(core, &open).await?);
        let gone = alive.is_none();
        match alive {
            Some(process) if open.token_hash.is_some() => {
                tracing::info!(run = %live.run, job = %live.job, pid = process.identity().pid, "a run goes on under this server");
                let lease = Duration::from_secs(core.settings.run_lease_seconds);
                live.hear_at(Lease::adopted(lease, clock::monotonic()));
                live.tell(core.store.control(live.run, live.attempt).await.unwrap_or_default());
                core.tasks.spawn(watch(core.clone(), live, Worker::adopt(process)));
            }
            _ => {
                // Beside the start, which does not wait for a disk that is full.
                let core = core.clone();
                core.tasks.clone().spawn(async move {
                    if !deliver_spool(&core, &live).await {
                        let error =
                            ending(ErrorKind::Lost, "the run's process ended while no server watched it");
                        end_in_store(&core, live.run, &error, Over::WhenHeard).await;
                        core.let_go(&live);
                    }
                    if gone {
                        debris::clear(&core, &live).await;
                    }
                });
            }
        }
    }
    Ok(())
}

async fn left_run(core: &Core, open: &OpenRun) -> Result<LiveRun, StoreError> {
    let spec = core.store.job(open.run.job).await?.spec;
    let now = clock::now_us();
    let mut ran = 0;
    for run in core.store.runs(open.run.job).await? {
        ran += run.started_at.map_or(0, |started| run.finished_at.unwrap_or(now) - started);
    }
    let timeout = spec["timeout_seconds"].as_u64().map(Duration::from_secs);
    let ran = Duration::from_micros(u64::try_from(ran).unwrap_or(0));
    Ok(LiveRun {
        job: open.run.job,
        run: open.run.id,
        attempt: open.run.attempt,
        // Without a hash no token fits.
        token_hash: open.token_hash.unwrap_or([0; 32]),
        threads: open.threads,
        memory_mb: open.memory_mb,
        device: open.run.device.clone(),
        keep: kept_checkpoints(&spec),
        time_left: timeout.map(|timeout| timeout.saturating_sub(ran)),
        trace: trace_of(core, open.run.job).await?,
    })
}
