//! What need not be kept is deleted once in a while: events, logs and whole jobs that finished long ago, and files that
//! nothing refers to. Never a model, and never what a job that is not finished needs.

use std::path::PathBuf;
use std::time::Duration;

use uuid::Uuid;

use super::core::Core;
use super::leftovers::{self, LookError, Orphan};
use super::{Jobs, clock};
use crate::store::{JobId, RunId, StoreError};

/// Jobs or runs that are looked at together.
const PAGE: usize = 200;

/// Events that are deleted in one transaction.
const EVENTS: u32 = 2_000;

/// How long a file that nothing refers to is left alone.
const ORPHAN_AGE: Duration = Duration::from_hours(24);

/// Sweeps until the server ends.
pub(super) async fn run(jobs: Jobs) {
    let core = jobs.core.clone();
    let pause = Duration::from_secs(core.settings.sweep_seconds.max(1));
    loop {
        tokio::select! {
            () = core.closing.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        if let Err(error) = sweep(&jobs).await {
            tracing::error!(%error, "what need not be kept could not be deleted");
        }
    }
}

async fn sweep(jobs: &Jobs) -> Result<(), LookError> {
    let core = &jobs.core;
    let settings = &core.settings;
    if let Some(before) = moment(settings.keep_jobs_seconds) {
        delete_jobs(jobs, before).await?;
    }
    if let Some(before) = moment(settings.keep_events_seconds) {
        thin_events(core, before).await?;
    }
    if let Some(before) = moment(settings.keep_logs_seconds) {
        delete_logs(core, before).await?;
    }
    delete_orphans(core).await?;
    jobs.usage.measure();
    Ok(())
}

/// The moment before which a job must have finished; `None` where all is kept.
fn moment(seconds: u64) -> Option<i64> {
    let microseconds = i64::try_from(seconds).ok()?.checked_mul(1_000_000)?;
    (seconds > 0).then(|| clock::now_us().saturating_sub(microseconds))
}

async fn delete_jobs(jobs: &Jobs, before: i64) -> Result<(), StoreError> {
    let store = &jobs.core.store;
    let mut last = JobId(Uuid::nil());
    loop {
        let page = store.finished_jobs(before, last, PAGE as u32).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = *end;
        for job in page {
            // Most of a job are its events, which need not go in one transaction.
            while store.delete_events(job, EVENTS).await? == u64::from(EVENTS) {}
            match store.delete_job(job).await {
                Ok(deleted) => jobs.forget_runs(&deleted.runs).await,
                // Somebody else has deleted it, or another job goes on from it.
                Err(StoreError::NotFound(_) | StoreError::Conflict(_)) => continue,
                Err(error) => return Err(error),
            }
            tracing::info!(%job, "a job that finished long ago was deleted");
        }
    }
}

/// Leaves of the events of old jobs their states and their end.
async fn thin_events(core: &Core, before: i64) -> Result<(), StoreError> {
    let mut last = JobId(Uuid::nil());
    loop {
        let page = core.store.finished_jobs(before, last, PAGE as u32).await?;
        let Some(end) = page.last() else { return Ok(()) };
        last = *end;
        for job in page {
            if core.store.has_surplus_events(job).await? {
                while core.store.delete_events(job, EVENTS).await? == u64::from(EVENTS) {}
            }
        }
    }
}

/// Removes the folders of runs, in which their logs are.
async fn delete_logs(core: &Core, before: i64) -> Result<(), LookError> {
    let data = core.folder.path().to_owned();
    let folders = leftovers::off_thread(move || leftovers::run_folders(&data)).await?;
    let runs: Vec<RunId> = folders.into_iter().map(|(run, _)| run).collect();
    for page in runs.chunks(PAGE) {
        let old = core.store.runs_of_finished_jobs(page, before).await?;
        let old: Vec<PathBuf> = old.into_iter().map(|run| core.folder.run(run.0)).collect();
        leftovers::off_thread(move || old.iter().try_for_each(|folder| leftovers::remove(folder))).await?;
    }
    Ok(())
}

async fn delete_orphans(core: &Core) -> Result<(), LookError> {
    let orphans = leftovers::orphans(&core.store.inspector(), core.folder.path(), ORPHAN_AGE).await?;
    let remove = |orphan: &Orphan| {
        tracing::info!(path = %orphan.path.display(), bytes = orphan.bytes, "a file that nothing refers to is removed");
        orphan.remove()
    };
    leftovers::off_thread(move || orphans.iter().try_for_each(remove)).await?;
    Ok(())
}
