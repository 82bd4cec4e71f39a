//! Runs: how they are watched, and what is known of them. What they report is applied in `reports.rs`.

use sqlx::sqlite::SqliteConnection;
use sqlx::{query, query_as};

use super::reports::State;
use super::{JobId, Process, Run, RunId, RunStatus, Store, StoreError, id_list};
use crate::spec::report::{Control, Outcome, Report, RunError};

/// A run that has not ended, as a server finds it when it starts.
#[derive(Clone, Debug)]
pub struct OpenRun {
    pub run: Run,
    pub token_hash: Option<[u8; 32]>,
    pub threads: u32,
    pub memory_mb: u64,
}

struct Row {
    id: RunId,
    job: JobId,
    attempt: u32,
    status: RunStatus,
    pid: Option<i32>,
    start_time: Option<u64>,
    boot_id: Option<String>,
    last_seq: u64,
    from_step: Option<u64>,
    device: String,
    threads: Option<u32>,
    fingerprint: Option<String>,
    error: Option<String>,
    claimed_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
    heard_at: i64,
}

impl Row {
    fn into_run(self) -> Result<Run, StoreError> {
        let process = match (self.pid, self.start_time, self.boot_id) {
            (Some(pid), Some(start_time), Some(boot_id)) => Some(Process { pid, start_time, boot_id }),
            _ => None,
        };
        Ok(Run {
            id: self.id,
            job: self.job,
            attempt: self.attempt,
            status: self.status,
            process,
            last_seq: self.last_seq,
            from_step: self.from_step,
            device: self.device,
            threads: self.threads,
            fingerprint: self.fingerprint.as_deref().map(serde_json::from_str).transpose()?,
            error: self.error.as_deref().map(serde_json::from_str).transpose()?,
            claimed_at: self.claimed_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            heard_at: self.heard_at,
        })
    }
}

/// Runs of jobs (an id list of `id_list`), oldest first within a job.
pub(super) async fn load(conn: &mut SqliteConnection, jobs: &str) -> Result<Vec<Run>, StoreError> {
    let rows = query_as!(
        Row,
        r#"SELECT id AS "id!: RunId", job_id AS "job!: JobId", attempt AS "attempt!: u32",
                  status AS "status!: RunStatus", pid AS "pid?: i32", start_time AS "start_time?: u64",
                  boot_id AS "boot_id?", last_seq AS "last_seq!: u64", from_step AS "from_step?: u64",
                  device AS "device!", threads AS "threads?: u32", fingerprint AS "fingerprint?", error AS "error?",
                  claimed_at AS "claimed_at!", started_at AS "started_at?", finished_at AS "finished_at?",
                  heard_at AS "heard_at!"
           FROM run WHERE job_id IN (SELECT unhex(value) FROM json_each(?)) ORDER BY job_id, attempt"#,
        jobs
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Row::into_run).collect()
}

async fn job_of(conn: &mut SqliteConnection, run: RunId) -> Result<JobId, StoreError> {
    sqlx::query_scalar!(r#"SELECT job_id AS "job!: JobId" FROM run WHERE id = ?"#, run)
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::NotFound("run"))
}

impl Store {
    pub async fn run(&self, id: RunId) -> Result<Run, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let job = job_of(&mut snapshot, id).await?;
        let runs = load(&mut snapshot, &id_list([job])).await?;
        runs.into_iter().find(|run| run.id == id).ok_or(StoreError::NotFound("run"))
    }

    /// Of a job, oldest first.
    pub async fn runs(&self, job: JobId) -> Result<Vec<Run>, StoreError> {
        let mut conn = self.readers().acquire().await?;
        load(&mut conn, &id_list([job])).await
    }

    pub async fn open_runs(&self) -> Result<Vec<OpenRun>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let open = query!(
            r#"SELECT run.id AS "run!: RunId", job.id AS "job!: JobId", token_hash AS "token_hash?: Vec<u8>",
                      job.threads AS "threads!: u32", memory_mb AS "memory_mb!: u64"
               FROM run JOIN job ON job.id = job_id WHERE run.status IN ('starting', 'running')"#
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let runs = load(&mut snapshot, &id_list(open.iter().map(|row| row.job))).await?;
        let found = open.into_iter().filter_map(|row| {
            Some(OpenRun {
                run: runs.iter().find(|run| run.id == row.run)?.clone(),
                token_hash: row.token_hash.and_then(|hash| hash.try_into().ok()),
                threads: row.threads,
                memory_mb: row.memory_mb,
            })
        });
        Ok(found.collect())
    }

    /// Keeps the hash of the token that is good for this run alone.
    pub async fn set_token(&self, run: RunId, hash: [u8; 32]) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let hash = &hash[..];
                query!("UPDATE run SET token_hash = ? WHERE id = ?", hash, run).execute(&mut tx.conn).await?;
                Ok(())
            })
        })
        .await
    }

    /// Keeps which process the run is.
    pub async fn set_process(&self, run: RunId, process: Process) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let start_time = process.start_time as i64;
                query!(
                    "UPDATE run SET pid = ?, start_time = ?, boot_id = ? WHERE id = ?",
                    process.pid,
                    start_time,
                    process.boot_id,
                    run
                )
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Applies a run's batch of reports, once: batches are numbered from 1, and one that was applied before changes
    /// nothing. `time` is when the run made it. Answers what the run is to do.
    pub async fn report(
        &self,
        run: RunId,
        attempt: u32,
        seq: u64,
        time: i64,
        reports: Vec<Report>,
    ) -> Result<Control, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let mut state = State::find(tx, run).await?;
                state.fence(attempt)?;
                if seq == state.last_seq && state.ended() {
                    return Ok(Control::Stop);
                }
                if state.ended() {
                    return Err(StoreError::Gone);
                }
                if seq <= state.last_seq {
                    return Ok(state.control());
                }
                if seq != state.last_seq + 1 {
                    return Err(StoreError::OutOfOrder { expected: state.last_seq + 1 });
                }
                state.last_seq = seq;
                state.apply(tx, time.min(tx.now), reports).await?;
                Ok(state.control())
            })
        })
        .await
    }

    /// What a run is to do, without a report.
    pub async fn control(&self, run: RunId, attempt: u32) -> Result<Control, StoreError> {
        let state = State::read(&mut *self.readers().acquire().await?, run).await?;
        state.fence(attempt)?;
        if state.ended() { Err(StoreError::Gone) } else { Ok(state.control()) }
    }

    /// Ends a run from outside: its process is gone, or it was killed. Its job is retried, fails, or is what was
    /// asked of it. Answers `false` where the run had ended already.
    pub async fn end_run(&self, run: RunId, error: RunError) -> Result<bool, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let mut state = State::find(tx, run).await?;
                if state.ended() {
                    return Ok(false);
                }
                let now = tx.now;
                state.finish(tx, now, &Outcome::Failed { error }).await?;
                Ok(true)
            })
        })
        .await
    }

    /// The same for a run whose process ended while nobody watched: it ran no longer than it was heard of, and the time
    /// since then is none of its job's.
    pub async fn end_left_run(&self, run: RunId, error: RunError) -> Result<bool, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let mut state = State::find(tx, run).await?;
                if state.ended() {
                    return Ok(false);
                }
                let heard =
                    sqlx::query_scalar!(r#"SELECT heard_at AS "at!: i64" FROM run WHERE id = ?"#, run);
                let heard = heard.fetch_one(&mut tx.conn).await?.min(tx.now);
                state.finish(tx, heard, &Outcome::Failed { error }).await?;
                Ok(true)
            })
        })
        .await
    }
}
