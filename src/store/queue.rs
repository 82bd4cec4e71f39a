//! The queue: who is next, and who waits for what.

use serde_json::{Value, json};
use sqlx::{query, query_as};

use super::reports::LONGEST_BACKOFF_US;
use super::writer::Tx;
use super::{Checkpoint, Job, JobId, JobStatus, RunId, Store, StoreError, files, jobs};

/// What is free.
#[derive(Clone, Debug, Default)]
pub struct Capacity {
    pub threads: u32,
    pub memory_mb: u64,
    /// Indices of free GPUs.
    pub gpus: Vec<u32>,
}

/// A job that was taken from the queue, and the run that was made for it.
#[derive(Clone, Debug)]
pub struct Claim {
    pub job: JobId,
    pub name: String,
    pub run: RunId,
    pub attempt: u32,
    /// Canonical.
    pub spec: Value,
    pub threads: u32,
    pub memory_mb: u64,
    /// What it was granted: `cpu` or `cuda:N`.
    pub device: String,
    /// What it may go on from, newest first.
    pub checkpoints: Vec<Checkpoint>,
    /// Running time of its earlier runs, in microseconds.
    pub ran_us: i64,
}

/// Why a job waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    pub job: Job,
    /// From 1.
    pub position: u64,
    /// Those before it in the queue, first first; at most 100.
    pub ahead: Vec<Ahead>,
    /// A retry waits until then.
    pub not_before: Option<i64>,
}

/// How jobs and runs stand, told without counting them.
#[derive(Clone, Debug)]
pub struct Standing {
    pub jobs: Vec<(JobStatus, u64)>,
    /// Jobs in the queue, and when the oldest of them was posted.
    pub waiting: u64,
    pub oldest: Option<i64>,
    /// Runs that have not ended.
    pub starting: u64,
    pub running: u64,
}

/// A job before another in the queue.
#[derive(Clone, Debug)]
pub struct Ahead {
    pub id: JobId,
    pub name: String,
    pub priority: i32,
    pub threads: u32,
    pub memory_mb: u64,
    pub device: String,
}

/// The head of the queue, made to run.
struct Head {
    job: JobId,
    name: String,
    attempt: u32,
    threads: u32,
    memory_mb: u64,
    device: String,
    spec: String,
    ran_us: i64,
}

impl Capacity {
    /// Takes the head in one statement. A job whose GPU is not free is passed over, and so is one that takes more than
    /// there is in `total`, which was posted to a larger server; the first of the others is the head, and nobody passes it.
    async fn take(&self, tx: &mut Tx, total: (u32, u64)) -> Result<Option<Head>, StoreError> {
        let (threads, most_memory) = (total.0, total.1.min(i64::MAX as u64) as i64);
        let gpus = json!(self.gpus).to_string();
        let any_gpu = !self.gpus.is_empty();
        let memory = self.memory_mb.min(i64::MAX as u64) as i64;
        // A retry that is to wait for longer than any does was made before the clock was put back.
        let longest = tx.now.saturating_add(LONGEST_BACKOFF_US);
        let head = query_as!(
            Head,
            r#"UPDATE job SET status = 'running', attempt = attempt + 1, not_before = 0,
                   resolved_device = CASE WHEN device <> 'auto' THEN device
                                          ELSE coalesce(resolved_device, CASE WHEN ?1 THEN 'cuda' ELSE 'cpu' END) END
               WHERE id = (
                   SELECT id FROM (
                       SELECT id, threads, memory_mb FROM job INDEXED BY job_queue
                       WHERE status IN ('queued', 'retrying') AND (not_before <= ?2 OR not_before > ?6)
                           AND threads <= ?7 AND memory_mb <= ?8
                           AND CASE coalesce(resolved_device, device)
                                   WHEN 'auto' THEN 1
                                   WHEN 'cpu' THEN 1
                                   WHEN 'cuda' THEN ?1
                                   ELSE coalesce(resolved_device, device) IN
                                       (SELECT 'cuda:' || value FROM json_each(?3))
                               END
                       ORDER BY priority DESC, id LIMIT 1)
                   WHERE threads <= ?4 AND memory_mb <= ?5)
               RETURNING id AS "job!: JobId", name AS "name!", attempt AS "attempt!: u32",
                   threads AS "threads!: u32", memory_mb AS "memory_mb!: u64", resolved_device AS "device!: String",
                   (SELECT spec FROM job_document WHERE job_id = id) AS "spec!: String",
                   (SELECT coalesce(sum(max(finished_at - started_at, 0)), 0) FROM run WHERE run.job_id = job.id)
                       AS "ran_us!: i64""#,
            any_gpu,
            tx.now,
            gpus,
            self.threads,
            memory,
            longest,
            threads,
            most_memory
        );
        Ok(head.fetch_optional(&mut tx.conn).await?)
    }

    async fn claim(&self, tx: &mut Tx, total: (u32, u64)) -> Result<Option<Claim>, StoreError> {
        let Some(head) = self.take(tx, total).await? else { return Ok(None) };
        let device = match (&*head.device, self.gpus.first()) {
            ("cuda", Some(gpu)) => format!("cuda:{gpu}"),
            _ => head.device,
        };
        let run = RunId::fresh();
        query!(
            "INSERT INTO run (id, job_id, attempt, status, last_seq, device, last_step, claimed_at, heard_at)
             VALUES (?1, ?2, ?3, 'starting', 0, ?4, 0, ?5, ?5)",
            run,
            head.job,
            head.attempt,
            device,
            tx.now
        )
        .execute(&mut tx.conn)
        .await?;
        jobs::status_event(tx, head.job, JobStatus::Running, Some(run))?;
        let checkpoints = files::checkpoints_of(&mut tx.conn, head.job, -1).await?;
        Ok(Some(Claim {
            job: head.job,
            name: head.name,
            run,
            attempt: head.attempt,
            spec: serde_json::from_str(&head.spec)?,
            threads: head.threads,
            memory_mb: head.memory_mb,
            device,
            checkpoints,
            ran_us: head.ran_us,
        }))
    }
}

impl Store {
    /// Takes the head of the queue if it fits: greatest priority, then greatest age. One that waits for a GPU lets
    /// those behind it pass that need none; one that waits for threads or memory lets nobody pass.
    pub async fn claim(&self, free: Capacity) -> Result<Option<Claim>, StoreError> {
        self.write(move |tx| Box::pin(async move { free.claim(tx, (u32::MAX, u64::MAX)).await })).await
    }

    /// The same on a server that has `total` when nothing runs: what takes more waits, and holds up nobody.
    pub async fn claim_within(&self, free: Capacity, total: &Capacity) -> Result<Option<Claim>, StoreError> {
        let total = (total.threads, total.memory_mb);
        self.write(move |tx| Box::pin(async move { free.claim(tx, total).await })).await
    }

    /// Jobs that take what there is, and took a GPU when they first ran, choose anew where there is none any more: a
    /// checkpoint goes on anywhere.
    pub async fn forget_gpus(&self) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                query!(
                    "UPDATE job SET resolved_device = NULL
                     WHERE status IN ('queued', 'running', 'retrying', 'paused')
                         AND device = 'auto' AND resolved_device = 'cuda'"
                )
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Why a job waits; `None` where it does not.
    pub async fn waiting(&self, job: JobId) -> Result<Option<Waiting>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let job = jobs::load_one(&mut snapshot, job).await?;
        let Some(position) = job.queue_position else { return Ok(None) };
        let ahead = query_as!(
            Ahead,
            r#"SELECT id AS "id!: JobId", name AS "name!", priority AS "priority!: i32", threads AS "threads!: u32",
                      memory_mb AS "memory_mb!: u64", coalesce(resolved_device, device) AS "device!: String"
               FROM job INDEXED BY job_queue
               WHERE status IN ('queued', 'retrying') AND (priority > ?1 OR (priority = ?1 AND id < ?2))
               ORDER BY priority DESC, id LIMIT 100"#,
            job.priority,
            job.id
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let not_before = query!(r#"SELECT not_before AS "at!: i64" FROM job WHERE id = ?"#, job.id)
            .fetch_one(&mut *snapshot)
            .await?
            .at;
        Ok(Some(Waiting { job, position, ahead, not_before: (not_before > 0).then_some(not_before) }))
    }

    /// How jobs and runs stand: what the metrics tell.
    pub async fn standing(&self) -> Result<Standing, StoreError> {
        let jobs = self.job_counts().await?;
        let waiting = jobs.iter().filter(|(status, _)| status.waiting()).map(|(_, count)| count).sum();
        // Ids grow with time, so that the least of a status is its oldest.
        let figures = query!(
            r#"SELECT (SELECT min(created_at) FROM job WHERE id IN (
                          SELECT min(id) FROM job WHERE status = 'queued'
                          UNION ALL SELECT min(id) FROM job WHERE status = 'retrying')) AS "oldest?: i64",
                      coalesce(sum(status = 'starting'), 0) AS "starting!: u64",
                      coalesce(sum(status = 'running'), 0) AS "running!: u64"
               FROM run INDEXED BY run_open WHERE status IN ('starting', 'running')"#
        )
        .fetch_one(self.readers())
        .await?;
        let (oldest, starting, running) = (figures.oldest, figures.starting, figures.running);
        Ok(Standing { jobs, waiting, oldest, starting, running })
    }

    /// When the next retry may start that may not yet.
    pub async fn next_retry(&self) -> Result<Option<i64>, StoreError> {
        let next = query!(
            r#"SELECT min(not_before) AS "at?: i64" FROM job INDEXED BY job_retry
               WHERE status IN ('queued', 'retrying') AND not_before > 0"#
        );
        Ok(next.fetch_one(self.readers()).await?.at)
    }
}
