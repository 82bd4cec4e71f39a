//! What a run reports, applied: to itself, to its job, to series and events, all in one transaction.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sqlx::query;
use sqlx::sqlite::SqliteConnection;

use super::writer::Tx;
use super::{Desired, EventKind, JobId, JobStatus, RunId, RunStatus, StoreError, jobs, models};
use crate::spec::report::{Control, ErrorKind, Fingerprint, Outcome, Point, Progress, Report, RunError};

/// A run and what its reports touch of its job.
pub(super) struct State {
    run: RunId,
    job: JobId,
    attempt: u32,
    status: RunStatus,
    pub(super) last_seq: u64,
    last_step: u64,
    /// Where it began: earlier steps are an earlier run's.
    from_step: u64,
    claimed_at: i64,
    job_attempt: u32,
    desired: Option<Desired>,
    deterministic: Option<bool>,
    max_attempts: u32,
    failures: u32,
    progress: String,
    metrics: Map<String, Value>,
}

/// Where a job goes when its run has ended.
struct Next {
    status: JobStatus,
    /// Of the run.
    run: RunStatus,
    failures: u32,
    not_before: i64,
    /// Shown on the job, where it is final.
    error: Option<String>,
}

impl State {
    /// The state of a run; one that is not there, with its job perhaps deleted, is gone.
    pub(super) async fn find(tx: &mut Tx, run: RunId) -> Result<Self, StoreError> {
        Self::read(&mut tx.conn, run).await
    }

    pub(super) async fn read(conn: &mut SqliteConnection, run: RunId) -> Result<Self, StoreError> {
        let found = query!(
            r#"SELECT job_id AS "job!: JobId", run.attempt AS "attempt!: u32", run.status AS "status!: RunStatus",
                      last_seq AS "last_seq!: u64", last_step AS "last_step!: u64",
                      coalesce(from_step, 0) AS "from_step!: u64", claimed_at AS "claimed_at!",
                      job.attempt AS "job_attempt!: u32", desired AS "desired?: Desired",
                      deterministic AS "deterministic?: bool", max_attempts AS "max_attempts!: u32",
                      failures AS "failures!: u32", progress AS "progress!", metrics AS "metrics!"
               FROM run JOIN job ON job.id = job_id WHERE run.id = ?"#,
            run
        );
        let found = found.fetch_optional(conn).await?.ok_or(StoreError::Gone)?;
        Ok(Self {
            run,
            job: found.job,
            attempt: found.attempt,
            status: found.status,
            last_seq: found.last_seq,
            last_step: found.last_step,
            from_step: found.from_step,
            claimed_at: found.claimed_at,
            job_attempt: found.job_attempt,
            desired: found.desired,
            deterministic: found.deterministic,
            max_attempts: found.max_attempts,
            failures: found.failures,
            progress: found.progress,
            metrics: serde_json::from_str(&found.metrics)?,
        })
    }

    /// Refuses the word of a run that is not its job's newest.
    pub(super) fn fence(&self, attempt: u32) -> Result<(), StoreError> {
        if attempt == self.attempt && attempt == self.job_attempt { Ok(()) } else { Err(StoreError::Gone) }
    }

    pub(super) fn ended(&self) -> bool {
        self.status.ended()
    }

    pub(super) fn control(&self) -> Control {
        match self.desired {
            None => Control::Continue,
            Some(Desired::Paused) => Control::Pause,
            Some(Desired::Cancelled) => Control::Stop,
        }
    }

    /// Applies a batch. Nothing behind `Finished` counts.
    pub(super) async fn apply(
        &mut self,
        tx: &mut Tx,
        time: i64,
        reports: Vec<Report>,
    ) -> Result<(), StoreError> {
        let time = time.max(self.claimed_at);
        let before = self.last_step;
        let finish = reports.iter().position(|report| matches!(report, Report::Finished { .. }));
        let mut finished = None;
        let mut points = Vec::new();
        let mut rest = Vec::with_capacity(reports.len());
        for report in reports.into_iter().take(finish.map_or(usize::MAX, |finish| finish + 1)) {
            match report {
                Report::Metrics { points: more } => points.extend(more),
                Report::Finished { outcome } => finished = Some(outcome),
                other => rest.push(other),
            }
        }
        // All points of a batch are one event, behind what began the run and before what came of its steps.
        let begun =
            rest.iter().position(|report| matches!(report, Report::Started { .. })).map_or(0, |at| at + 1);
        for (index, report) in rest.into_iter().enumerate() {
            if index == begun {
                self.keep_points(tx, std::mem::take(&mut points))?;
            }
            self.apply_one(tx, time, report).await?;
        }
        self.keep_points(tx, points)?;
        tx.trained(self.last_step.saturating_sub(before.max(self.from_step)));
        let metrics = serde_json::to_string(&self.metrics)?;
        query!(
            "UPDATE job SET progress = ?, metrics = ?, deterministic = ? WHERE id = ?",
            self.progress,
            metrics,
            self.deterministic,
            self.job
        )
        .execute(&mut tx.conn)
        .await?;
        let (seq, step) = (self.last_seq as i64, self.last_step as i64);
        query!(
            "UPDATE run SET last_seq = ?, last_step = ?, heard_at = max(heard_at, ?) WHERE id = ?",
            seq,
            step,
            time,
            self.run
        )
        .execute(&mut tx.conn)
        .await?;
        match finished {
            Some(outcome) => self.finish(tx, time, &outcome).await,
            None => Ok(()),
        }
    }

    async fn apply_one(&mut self, tx: &mut Tx, time: i64, report: Report) -> Result<(), StoreError> {
        match report {
            Report::Started { device, threads, fingerprint, from_step } => {
                self.started(tx, time, &Start { device, threads, fingerprint, from_step }).await
            }
            Report::Progress(progress) => self.keep_progress(tx, &progress),
            Report::Log { level, message } => {
                let data = json!({"run": self.run, "level": level, "message": message});
                tx.event(self.job, EventKind::Log, &data)
            }
            Report::Checkpoint { step, epoch, key, sha256, bytes } => {
                let (at, bytes) = (step as i64, bytes as i64);
                query!(
                    "INSERT OR REPLACE INTO checkpoint (run_id, step, epoch, key, sha256, bytes, created_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                    self.run,
                    at,
                    epoch,
                    key,
                    sha256,
                    bytes,
                    time
                )
                .execute(&mut tx.conn)
                .await?;
                tx.event(self.job, EventKind::Checkpoint, &json!({"run": self.run, "step": step}))
            }
            Report::Artifact { name, media_type, key, sha256, bytes } => {
                let bytes = bytes as i64;
                query!(
                    "INSERT OR REPLACE INTO artifact (run_id, name, media_type, key, sha256, bytes, created_at)
                     VALUES (?, ?, ?, ?, ?, ?, ?)",
                    self.run,
                    name,
                    media_type,
                    key,
                    sha256,
                    bytes,
                    time
                )
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            }
            Report::Model { output, key, sha256, bytes, metrics } => {
                let metrics: BTreeMap<String, Value> =
                    metrics.into_iter().map(|(name, value)| (name, json!(value))).collect();
                let (bytes, metrics) = (bytes as i64, serde_json::to_string(&metrics)?);
                query!(
                    "INSERT OR REPLACE INTO pending_model (run_id, output, key, sha256, bytes, metrics)
                     VALUES (?, ?, ?, ?, ?, ?)",
                    self.run,
                    output,
                    key,
                    sha256,
                    bytes,
                    metrics
                )
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            }
            Report::Result { result } => {
                let result = serde_json::to_string(&result)?;
                query!("UPDATE job SET result = ? WHERE id = ?", result, self.job)
                    .execute(&mut tx.conn)
                    .await?;
                Ok(())
            }
            // Taken by the caller.
            Report::Metrics { .. } | Report::Finished { .. } => Ok(()),
        }
    }

    async fn started(&mut self, tx: &mut Tx, time: i64, start: &Start) -> Result<(), StoreError> {
        self.status = RunStatus::Running;
        self.from_step = start.from_step;
        let (from, fingerprint) = (start.from_step as i64, serde_json::to_string(&start.fingerprint)?);
        query!(
            "UPDATE run SET status = 'running', device = ?, threads = ?, fingerprint = ?, from_step = ?,
                            started_at = coalesce(started_at, ?) WHERE id = ?",
            start.device,
            start.threads,
            fingerprint,
            from,
            time,
            self.run
        )
        .execute(&mut tx.conn)
        .await?;
        query!("UPDATE job SET started_at = coalesce(started_at, ?) WHERE id = ?", time, self.job)
            .execute(&mut tx.conn)
            .await?;
        if self.attempt > 1 {
            let data = json!({"run": self.run, "from_step": start.from_step});
            tx.event(self.job, EventKind::Resumed, &data)?;
        }
        let same = start.from_step == 0 || self.same_machine(tx, &start.fingerprint).await?;
        if !same {
            let message = "this run goes on under another build, machine, device or number of threads: it is equal \
                           to an uninterrupted one within tolerance, not bit for bit";
            let data = json!({"run": self.run, "level": "warning", "message": message});
            tx.event(self.job, EventKind::Log, &data)?;
        }
        let before = start.from_step == 0 || self.deterministic.unwrap_or(true);
        self.deterministic = Some(before && same && start.device == "cpu");
        Ok(())
    }

    /// Whether the run before computed with the same.
    async fn same_machine(&self, tx: &mut Tx, fingerprint: &Fingerprint) -> Result<bool, StoreError> {
        let before = query!(
            r#"SELECT fingerprint AS "fingerprint!" FROM run
               WHERE job_id = ? AND attempt < ? AND fingerprint IS NOT NULL ORDER BY attempt DESC LIMIT 1"#,
            self.job,
            self.attempt
        )
        .fetch_optional(&mut tx.conn)
        .await?;
        let Some(before) = before else { return Ok(true) };
        Ok(serde_json::from_str::<Fingerprint>(&before.fingerprint)? == *fingerprint)
    }

    fn keep_progress(&mut self, tx: &mut Tx, progress: &Progress) -> Result<(), StoreError> {
        self.last_step = progress.step;
        self.progress = serde_json::to_string(progress)?;
        tx.event(self.job, EventKind::Progress, progress)
    }

    fn keep_points(&mut self, tx: &mut Tx, points: Vec<Point>) -> Result<(), StoreError> {
        #[derive(Serialize)]
        struct Shown<'a> {
            name: &'a str,
            step: u64,
            epoch: f64,
            /// `null` where it is not finite.
            value: f64,
        }
        #[derive(Serialize)]
        struct Batch<'a> {
            run: RunId,
            points: Vec<Shown<'a>>,
        }
        if points.is_empty() {
            return Ok(());
        }
        let shown = points.iter().map(|point| Shown {
            name: &point.name,
            step: point.step,
            epoch: point.epoch,
            value: point.value,
        });
        let batch = Batch { run: self.run, points: shown.collect() };
        tx.event(self.job, EventKind::Metrics, &batch)?;
        for point in &points {
            self.last_step = self.last_step.max(point.step);
            match self.metrics.get_mut(&point.name) {
                Some(value) => *value = json!(point.value),
                None => drop(self.metrics.insert(point.name.clone(), json!(point.value))),
            }
        }
        tx.points(self.run, points);
        Ok(())
    }

    /// Ends the run, and with it the job or its waiting for the next run.
    pub(super) async fn finish(
        &mut self,
        tx: &mut Tx,
        time: i64,
        outcome: &Outcome,
    ) -> Result<(), StoreError> {
        let next = self.next(tx, outcome).await?;
        let error = match outcome {
            Outcome::Failed { error } => Some(serde_json::to_string(error)?),
            _ => None,
        };
        self.status = next.run;
        query!(
            "UPDATE run SET status = ?, error = ?, finished_at = ?, heard_at = ?, token_hash = NULL WHERE id = ?",
            next.run,
            error,
            time,
            tx.now,
            self.run
        )
        .execute(&mut tx.conn)
        .await?;
        let finished = next.status.terminal().then_some(tx.now);
        query!(
            "UPDATE job SET status = ?, desired = NULL, failures = ?, not_before = ?, error = ?, finished_at = ?
             WHERE id = ? AND status = 'running'",
            next.status,
            next.failures,
            next.not_before,
            next.error,
            finished,
            self.job
        )
        .execute(&mut tx.conn)
        .await?;
        self.desired = None;
        if next.status == JobStatus::Succeeded {
            models::make_versions(tx, self.job, self.run).await?;
        }
        query!("DELETE FROM pending_model WHERE run_id = ?", self.run).execute(&mut tx.conn).await?;
        tx.ended(self.run, next.run);
        if next.status == JobStatus::Retrying {
            tx.retried();
        }
        jobs::status_event(tx, self.job, next.status, Some(self.run))?;
        if next.status.terminal() { jobs::end_event(tx, self.job).await } else { Ok(()) }
    }

    async fn next(&self, tx: &mut Tx, outcome: &Outcome) -> Result<Next, StoreError> {
        let mut next = Next {
            status: JobStatus::Succeeded,
            run: RunStatus::Succeeded,
            failures: self.failures,
            not_before: 0,
            error: None,
        };
        match outcome {
            Outcome::Succeeded => {}
            Outcome::Cancelled => (next.status, next.run) = (JobStatus::Cancelled, RunStatus::Cancelled),
            Outcome::Stopped => (next.status, next.run) = (self.asked(JobStatus::Queued), RunStatus::Stopped),
            Outcome::Failed { error } => {
                next.run = if error.kind == ErrorKind::Lost { RunStatus::Lost } else { RunStatus::Failed };
                if error.kind == ErrorKind::Shutdown {
                    next.status = self.asked(JobStatus::Queued);
                } else {
                    next.failures += 1;
                    if self.desired == Some(Desired::Cancelled) {
                        next.status = JobStatus::Cancelled;
                    } else if next.failures < self.max_attempts && self.worth_retrying(tx, error).await? {
                        next.status = self.asked(JobStatus::Retrying);
                        next.not_before = tx.now + backoff_us(next.failures);
                    } else {
                        next.status = JobStatus::Failed;
                        next.error = Some(serde_json::to_string(error)?);
                    }
                }
            }
        }
        Ok(next)
    }

    /// What was asked of the job, if anything was.
    fn asked(&self, otherwise: JobStatus) -> JobStatus {
        match self.desired {
            Some(Desired::Paused) => JobStatus::Paused,
            Some(Desired::Cancelled) => JobStatus::Cancelled,
            None => otherwise,
        }
    }

    /// A lost or crashed run is; one that would fail the same way again is not.
    async fn worth_retrying(&self, tx: &mut Tx, error: &RunError) -> Result<bool, StoreError> {
        match error.kind {
            ErrorKind::Lost | ErrorKind::Internal => Ok(true),
            ErrorKind::OutOfMemory => {
                let step = self.last_step as i64;
                let same = query!(
                    r#"SELECT count(*) AS "n!: i64" FROM run WHERE job_id = ? AND attempt < ? AND last_step = ?
                       AND error ->> 'kind' = 'out_of_memory'"#,
                    self.job,
                    self.attempt,
                    step
                );
                Ok(same.fetch_one(&mut tx.conn).await?.n == 0)
            }
            ErrorKind::Diverged | ErrorKind::Timeout | ErrorKind::Data | ErrorKind::Shutdown => Ok(false),
        }
    }
}

struct Start {
    device: String,
    threads: u32,
    fingerprint: Fingerprint,
    from_step: u64,
}

/// No retry waits for longer.
pub(super) const LONGEST_BACKOFF_US: i64 = 30_000_000;

/// 0, 1, 2, 4 … at most 30 seconds.
fn backoff_us(failures: u32) -> i64 {
    let seconds = match failures {
        0 | 1 => 0,
        n => 1_i64 << (n - 2).min(5),
    };
    (seconds * 1_000_000).min(LONGEST_BACKOFF_US)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_wait_longer_and_longer() {
        let waits: Vec<i64> = (1..9).map(|failures| backoff_us(failures) / 1_000_000).collect();
        assert_eq!(waits, [0, 1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(backoff_us(u32::MAX), 30_000_000);
    }
}
