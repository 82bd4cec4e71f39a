//! Jobs: posting, reading, changing, deleting.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::{Map, json};
use sqlx::sqlite::SqliteConnection;
use sqlx::{QueryBuilder, query, query_as, query_scalar};
use uuid::Uuid;

use super::writer::Tx;
use super::{
    Conflict, Created, Desired, EventKind, Idempotency, Job, JobId, JobStatus, ModelRef, Page, Run, RunId,
    Store, StoreError, id_list, runs,
};
use crate::spec::CanonicalSpec;
use crate::spec::report::Progress;

/// A job to be queued.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// Every default written out, versions pinned, the seed drawn.
    pub spec: CanonicalSpec,
    /// The body as it was posted.
    pub posted: String,
    /// Name and version of each data set that it reads.
    pub datasets: Vec<(String, u32)>,
    /// What it begins with.
    pub parents: JobParents,
    /// Whose it is, where callers have keys.
    pub poster: Option<Poster>,
    /// The request that posts it, as `traceparent` is written.
    pub trace: Option<String>,
}

/// What a job begins with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobParents {
    /// A version of a model.
    pub model: Option<(String, u32)>,
    /// A job that it continues.
    pub job: Option<JobId>,
}

impl JobParents {
    /// Holds what the job begins with for as long as it is not finished.
    async fn hold(&self, tx: &mut Tx, id: JobId) -> Result<(), StoreError> {
        if *self == Self::default() {
            return Ok(());
        }
        let (model, version) = self.model.clone().unzip();
        let found = query_scalar!(
            r#"SELECT (?1 IS NULL OR EXISTS (SELECT 1 FROM model_version JOIN model ON model.id = model_id
                                             WHERE name = ?1 AND version = ?2))
                  AND (?3 IS NULL OR EXISTS (SELECT 1 FROM job WHERE id = ?3)) AS "found!: bool""#,
            model,
            version,
            self.job
        );
        if !found.fetch_one(&mut tx.conn).await? {
            return Err(Conflict::ParentGone.into());
        }
        query!(
            "INSERT INTO job_parent (job_id, model, version, job) VALUES (?, ?, ?, ?)",
            id,
            model,
            version,
            self.job
        )
        .execute(&mut tx.conn)
        .await?;
        Ok(())
    }
}

/// The key that posts a job.
#[derive(Clone, Debug)]
pub struct Poster {
    pub key: String,
    /// How many jobs of the key may be unfinished.
    pub most: u64,
}

/// Which jobs a list holds.
#[derive(Clone, Debug, Default)]
pub struct JobFilter {
    /// Any of these; all where it is empty.
    pub status: Vec<JobStatus>,
    /// All of these.
    pub labels: Vec<LabelFilter>,
    pub model: Option<String>,
    pub name: Option<String>,
    /// Jobs whose names hold this text.
    pub search: Option<String>,
    /// Of these alone, where any is named.
    pub ids: Vec<JobId>,
}

impl JobFilter {
    fn is_by_status_alone(&self) -> bool {
        let named = self.model.is_some() || self.name.is_some() || self.search.is_some();
        !named && self.labels.is_empty() && self.ids.is_empty()
    }

    /// Adds the conditions to a selection of jobs that has one already.
    fn narrow(&self, select: &mut QueryBuilder<sqlx::Sqlite>) {
        if !self.status.is_empty() {
            let mut any = select.push(" AND status IN (").separated(", ");
            for status in &self.status {
                any.push_bind(*status);
            }
            select.push(")");
        }
        if !self.ids.is_empty() {
            let mut any = select.push(" AND id IN (").separated(", ");
            for id in &self.ids {
                any.push_bind(*id);
            }
            select.push(")");
        }
        for label in &self.labels {
            select.push(" AND EXISTS (SELECT 1 FROM job_label WHERE job_id = job.id AND key = ");
            select.push_bind(&label.key);
            if let Some(value) = &label.value {
                select.push(" AND value = ").push_bind(value);
            }
            select.push(")");
        }
        if let Some(model) = &self.model {
            select.push(" AND model_name = ").push_bind(model);
        }
        if let Some(name) = &self.name {
            select.push(" AND name = ").push_bind(name);
        }
        if let Some(text) = &self.search {
            select.push(" AND instr(name, ").push_bind(text).push(") > 0");
        }
    }
}

/// A label that is there, with this value where one is said.
#[derive(Clone, Debug)]
pub struct LabelFilter {
    pub key: String,
    pub value: Option<String>,
}

/// What may be changed of a job.
#[derive(Clone, Debug, Default)]
pub struct JobChange {
    /// While it waits.
    pub priority: Option<i32>,
    pub labels: Option<BTreeMap<String, String>>,
    pub notes: Option<String>,
}

/// What is left to do behind a deletion.
#[derive(Clone, Debug)]
pub struct DeletedJob {
    /// Its runs, whose files (`runs/<run>/`) are nobody's now.
    pub runs: Vec<RunId>,
}

struct Row {
    id: JobId,
    name: String,
    status: JobStatus,
    desired: Option<Desired>,
    priority: i32,
    labels: String,
    notes: String,
    spec: String,
    threads: u32,
    memory_mb: u64,
    device: String,
    resolved_device: Option<String>,
    deterministic: Option<bool>,
    max_attempts: u32,
    attempt: u32,
    failures: u32,
    progress: String,
    metrics: String,
    error: Option<String>,
    result: Option<String>,
    model_name: String,
    made_model: Option<String>,
    made_version: Option<u32>,
    created_at: i64,
    started_at: Option<i64>,
    finished_at: Option<i64>,
}

impl Row {
    fn into_job(self) -> Result<Job, StoreError> {
        let made = self.made_model.zip(self.made_version);
        Ok(Job {
            id: self.id,
            name: self.name,
            status: self.status,
            desired: self.desired,
            priority: self.priority,
            labels: serde_json::from_str(&self.labels)?,
            notes: self.notes,
            spec: Arc::new(serde_json::from_str(&self.spec)?),
            threads: self.threads,
            memory_mb: self.memory_mb,
            device: self.device,
            resolved_device: self.resolved_device,
            deterministic: self.deterministic,
            max_attempts: self.max_attempts,
            attempt: self.attempt,
            failures: self.failures,
            progress: serde_json::from_str(&self.progress)?,
            metrics: serde_json::from_str(&self.metrics)?,
            error: self.error.as_deref().map(serde_json::from_str).transpose()?,
            result: self.result.as_deref().map(serde_json::from_str).transpose()?,
            model_name: self.model_name,
            model: made.map(|(name, version)| ModelRef { name, version }),
            queue_position: None,
            runs: Vec::new(),
            created_at: self.created_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
        })
    }
}

/// Jobs with all that is shown of them, newest first.
pub(super) async fn load(conn: &mut SqliteConnection, ids: &[JobId]) -> Result<Vec<Job>, StoreError> {
    let mut jobs = load_unplaced(&mut *conn, ids).await?;
    set_positions(conn, &mut jobs).await?;
    Ok(jobs)
}

/// Jobs without their places in the queue.
async fn load_unplaced(conn: &mut SqliteConnection, ids: &[JobId]) -> Result<Vec<Job>, StoreError> {
    let list = id_list(ids.iter().copied());
    let rows = query_as!(
        Row,
        r#"SELECT id AS "id!: JobId", name AS "name!", status AS "status!: JobStatus",
                  desired AS "desired?: Desired", priority AS "priority!: i32",
                  (SELECT json_group_object(key, value) FROM job_label WHERE job_label.job_id = job.id)
                      AS "labels!: String",
                  notes AS "notes!", spec AS "spec!", threads AS "threads!: u32", memory_mb AS "memory_mb!: u64",
                  device AS "device!", resolved_device AS "resolved_device?",
                  deterministic AS "deterministic?: bool", max_attempts AS "max_attempts!: u32",
                  attempt AS "attempt!: u32", failures AS "failures!: u32", progress AS "progress!",
                  metrics AS "metrics!", error AS "error?", result AS "result?", model_name AS "model_name!",
                  made_model AS "made_model?", made_version AS "made_version?: u32",
                  created_at AS "created_at!", started_at AS "started_at?", finished_at AS "finished_at?"
           FROM job JOIN job_document ON job_document.job_id = job.id
           WHERE id IN (SELECT unhex(value) FROM json_each(?)) ORDER BY id DESC"#,
        list
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut jobs = rows.into_iter().map(Row::into_job).collect::<Result<Vec<Job>, _>>()?;
    let mut by_job: HashMap<JobId, Vec<Run>> = HashMap::new();
    for run in runs::load(&mut *conn, &list).await? {
        by_job.entry(run.job).or_default().push(run);
    }
    for job in &mut jobs {
        job.runs = by_job.remove(&job.id).unwrap_or_default();
    }
    Ok(jobs)
}

/// How many jobs wait with at least this priority.
async fn depth(conn: &mut SqliteConnection, priority: i64) -> Result<u64, StoreError> {
    let depth = query_scalar!(
        r#"SELECT coalesce(sum(n), 0) AS "n!: u64" FROM queue_depth WHERE priority >= ?"#,
        priority
    );
    Ok(depth.fetch_one(conn).await?)
}

/// Places in the queue are counted from its end: the newest jobs, which are looked at most, stand last.
async fn set_positions(conn: &mut SqliteConnection, jobs: &mut [Job]) -> Result<(), StoreError> {
    let mut waiting: Vec<&mut Job> = jobs.iter_mut().filter(|job| job.status.waiting()).collect();
    waiting.sort_by_key(|job| (job.priority, Reverse(job.id)));
    // The one before, or the end of the queue of this priority.
    let mut last: Option<(i32, JobId, u64)> = None;
    for job in waiting {
        let priority = job.priority;
        let (next, position) = match last {
            Some((same, next, position)) if same == priority => (next, position),
            _ => (JobId(Uuid::max()), depth(&mut *conn, i64::from(priority)).await?),
        };
        let between = query_scalar!(
            r#"SELECT count(*) AS "n!: u64" FROM job INDEXED BY job_queue
               WHERE status IN ('queued', 'retrying') AND priority = ? AND id > ? AND id <= ?"#,
            priority,
            job.id,
            next
        );
        let position = position - between.fetch_one(&mut *conn).await?;
        job.queue_position = Some(position);
        last = Some((priority, job.id, position));
    }
    Ok(())
}

pub(super) async fn load_one(conn: &mut SqliteConnection, id: JobId) -> Result<Job, StoreError> {
    load(conn, &[id]).await?.pop().ok_or(StoreError::NotFound("job"))
}

/// Writes the event of a job's new status.
pub(super) fn status_event(
    tx: &mut Tx,
    job: JobId,
    status: JobStatus,
    run: Option<RunId>,
) -> Result<(), StoreError> {
    tx.event(job, EventKind::Status, &json!({"status": status, "run": run}))
}

/// Writes a job's last event.
pub(super) async fn end_event(tx: &mut Tx, job: JobId) -> Result<(), StoreError> {
    let end = query!(
        r#"SELECT status AS "status!: JobStatus", metrics AS "metrics!", error AS "error?",
                  made_model AS "made_model?", made_version AS "made_version?: u32" FROM job WHERE id = ?"#,
        job
    )
    .fetch_one(&mut tx.conn)
    .await?;
    let metrics: serde_json::Value = serde_json::from_str(&end.metrics)?;
    let error: Option<serde_json::Value> = end.error.as_deref().map(serde_json::from_str).transpose()?;
    let model = end.made_model.map(|name| json!({"name": name, "version": end.made_version}));
    let data = json!({"status": end.status, "metrics": metrics, "model": model, "error": error});
    tx.event(job, EventKind::End, &data)
}

/// Ends a job that has no run.
async fn cancel_now(tx: &mut Tx, job: JobId) -> Result<(), StoreError> {
    query!("UPDATE job SET status = 'cancelled', desired = NULL, finished_at = ? WHERE id = ?", tx.now, job)
        .execute(&mut tx.conn)
        .await?;
    status_event(tx, job, JobStatus::Cancelled, None)?;
    end_event(tx, job).await
}

async fn set_status(tx: &mut Tx, job: JobId, status: JobStatus) -> Result<(), StoreError> {
    query!("UPDATE job SET status = ?, desired = NULL, not_before = 0 WHERE id = ?", status, job)
        .execute(&mut tx.conn)
        .await?;
    status_event(tx, job, status, None)
}

async fn set_desired(tx: &mut Tx, job: JobId, desired: Option<Desired>) -> Result<(), StoreError> {
    query!("UPDATE job SET desired = ? WHERE id = ?", desired, job).execute(&mut tx.conn).await?;
    Ok(())
}

async fn status_of(tx: &mut Tx, job: JobId) -> Result<(JobStatus, Option<Desired>), StoreError> {
    let found = query!(
        r#"SELECT status AS "status!: JobStatus", desired AS "desired?: Desired" FROM job WHERE id = ?"#,
        job
    );
    let found = found.fetch_optional(&mut tx.conn).await?.ok_or(StoreError::NotFound("job"))?;
    Ok((found.status, found.desired))
}

impl NewJob {
    /// Refuses a job of a key that has as many as it may.
    async fn check_poster(&self, tx: &mut Tx) -> Result<(), StoreError> {
        let Some(Poster { key, most }) = &self.poster else { return Ok(()) };
        let unfinished = query_scalar!(
            r#"SELECT count(*) AS "n!: u64" FROM job WHERE poster = ? AND finished_at IS NULL"#,
            key
        );
        if unfinished.fetch_one(&mut tx.conn).await? < *most {
            return Ok(());
        }
        Err(StoreError::TooManyJobs { most: *most })
    }

    /// `written` is the spec as text.
    async fn insert(&self, written: &str, tx: &mut Tx) -> Result<Job, StoreError> {
        self.check_poster(tx).await?;
        let id = JobId::fresh();
        let spec = &self.spec;
        let resources = &spec.resources;
        let (priority, threads) = (spec.priority.get(), resources.threads.get());
        let (memory, attempts) = (resources.memory_mb.get() as i64, spec.max_attempts.get());
        let timeout = spec.timeout_seconds.as_ref().map(|seconds| seconds.get() as i64 * 1_000_000);
        let device = resources.device.to_string();
        let (name, model) = (spec.name.as_str(), spec.model().as_str());
        let progress = serde_json::to_string(&Progress::default())?;
        let labels = serde_json::to_string(&self.spec.labels.0)?;
        let datasets = serde_json::to_string(&self.datasets)?;
        let poster = self.poster.as_ref().map(|poster| poster.key.as_str());
        // One call, since each is a way to SQLite's thread and back. The data sets may have been deleted since the
        // spec was resolved. The youngest job is the last of its priority.
        let made = query!(
            r#"INSERT INTO job (id, name, status, priority, not_before, threads, memory_mb, device, max_attempts,
                                timeout_us, attempt, failures, progress, metrics, notes, model_name, created_at,
                                poster, trace)
               VALUES (?, ?, 'queued', ?, 0, ?, ?, ?, ?, ?, 0, 0, ?, '{}', '', ?, ?, ?, ?);
               INSERT INTO job_document (job_id, spec, posted) VALUES (?, ?, ?);
               INSERT INTO job_label (job_id, key, value) SELECT ?, key, value FROM json_each(?);
               INSERT INTO job_dataset (job_id, dataset_id, version)
               SELECT ?, dataset_id, version FROM json_each(?) AS held CROSS JOIN dataset ON name = held.value ->> 0
               JOIN dataset_version ON dataset_id = dataset.id AND version = held.value ->> 1;
               SELECT (SELECT coalesce(sum(n), 0) FROM queue_depth WHERE priority >= ?) AS "position!: u64",
                      (SELECT count(*) FROM job_dataset WHERE job_id = ?) AS "datasets!: u64""#,
            id,
            name,
            priority,
            threads,
            memory,
            device,
            attempts,
            timeout,
            progress,
            model,
            tx.now,
            poster,
            self.trace,
            id,
            written,
            self.posted,
            id,
            labels,
            id,
            datasets,
            priority,
            id
        )
        .fetch_one(&mut tx.conn)
        .await?;
        self.parents.hold(tx, id).await?;
        if made.datasets < self.datasets.len() as u64 {
            return Err(self.gone(tx).await?);
        }
        status_event(tx, id, JobStatus::Queued, None)?;
        Ok(self.queued(id, tx.now, made.position))
    }

    /// The job as it was inserted: reading it back would take as long as writing it.
    fn queued(&self, id: JobId, now: i64, position: u64) -> Job {
        let spec = &self.spec;
        Job {
            id,
            name: spec.name.as_str().to_owned(),
            status: JobStatus::Queued,
            desired: None,
            priority: spec.priority.get() as i32,
            labels: spec.labels.0.clone(),
            notes: String::new(),
            spec: spec.value().clone(),
            threads: spec.resources.threads.get(),
            memory_mb: spec.resources.memory_mb.get(),
            device: spec.resources.device.to_string(),
            resolved_device: None,
            deterministic: None,
            max_attempts: spec.max_attempts.get(),
            attempt: 0,
            failures: 0,
            progress: Progress::default(),
            metrics: Map::new(),
            error: None,
            result: None,
            model_name: spec.model().as_str().to_owned(),
            model: None,
            queue_position: Some(position),
            runs: Vec::new(),
            created_at: now,
            started_at: None,
            finished_at: None,
        }
    }

    /// Which data set was deleted since the spec was resolved.
    async fn gone(&self, tx: &mut Tx) -> Result<StoreError, StoreError> {
        for (name, version) in &self.datasets {
            let found = query!(
                r#"SELECT 1 AS "one!: i64" FROM dataset_version JOIN dataset ON dataset.id = dataset_id
                   WHERE name = ? AND version = ?"#,
                name,
                version
            );
            if found.fetch_optional(&mut tx.conn).await?.is_none() {
                return Ok(Conflict::DatasetGone { name: name.clone(), version: *version }.into());
            }
        }
        Ok(StoreError::Corrupt("a job's data sets were not held".into()))
    }
}

async fn set_labels(tx: &mut Tx, id: JobId, labels: &BTreeMap<String, String>) -> Result<(), StoreError> {
    for (key, value) in labels {
        query!("INSERT INTO job_label (job_id, key, value) VALUES (?, ?, ?)", id, key, value)
            .execute(&mut tx.conn)
            .await?;
    }
    Ok(())
}

impl Store {
    /// The request that posted a job, as `traceparent` is written.
    pub async fn job_trace(&self, id: JobId) -> Result<Option<String>, StoreError> {
        let mut conn = self.readers().acquire().await?;
        let trace = query_scalar!(r#"SELECT trace AS "trace?" FROM job WHERE id = ?"#, id);
        Ok(trace.fetch_optional(&mut *conn).await?.flatten())
    }

    pub async fn create_job(
        &self,
        mut new: NewJob,
        idempotency: Option<Idempotency<Job>>,
    ) -> Result<Created<Job>, StoreError> {
        new.datasets.sort();
        new.datasets.dedup();
        // Here, since all who write wait for the one that does.
        let written = new.spec.value().to_string();
        self.write(move |tx| {
            Box::pin(async move {
                let Some(idempotency) = idempotency else {
                    return new.insert(&written, tx).await.map(Created::Now);
                };
                if let Some(answer) = idempotency.before(tx).await? {
                    return Ok(Created::Before(answer));
                }
                let job = new.insert(&written, tx).await?;
                idempotency.keep(tx, &job).await?;
                Ok(Created::Now(job))
            })
        })
        .await
    }

    pub async fn job(&self, id: JobId) -> Result<Job, StoreError> {
        load_one(&mut *self.snapshot().await?, id).await
    }

    /// The body as it was posted.
    pub async fn posted(&self, id: JobId) -> Result<String, StoreError> {
        query_scalar!("SELECT posted FROM job_document WHERE job_id = ?", id)
            .fetch_optional(self.readers())
            .await?
            .ok_or(StoreError::NotFound("job"))
    }

    /// Newest first, behind this one.
    pub async fn jobs(
        &self,
        filter: &JobFilter,
        after: Option<JobId>,
        limit: u32,
    ) -> Result<Page<Job, JobId>, StoreError> {
        // Not the checked macro: which conditions there are differs from call to call, and with them the index.
        let mut select = QueryBuilder::new("SELECT id FROM job WHERE 1");
        if let Some(after) = after {
            select.push(" AND id < ").push_bind(after);
        }
        filter.narrow(&mut select);
        select.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(limit) + 1);
        let mut snapshot = self.snapshot().await?;
        let mut ids: Vec<JobId> = select.build_query_scalar().fetch_all(&mut *snapshot).await?;
        let more = ids.len() > limit as usize;
        ids.truncate(limit as usize);
        let next = if more { ids.last().copied() } else { None };
        Ok(Page { data: load(&mut snapshot, &ids).await?, next })
    }

    /// How many jobs fit.
    pub async fn count_jobs(&self, filter: &JobFilter) -> Result<u64, StoreError> {
        if filter.is_by_status_alone() {
            // They are counted as they change, so that a page takes no longer where there are more jobs.
            let counts = self.job_counts().await?;
            let fits = |status: &JobStatus| filter.status.is_empty() || filter.status.contains(status);
            return Ok(counts.iter().filter(|(status, _)| fits(status)).map(|(_, count)| count).sum());
        }
        let mut select = QueryBuilder::new("SELECT count(*) FROM job WHERE 1");
        filter.narrow(&mut select);
        Ok(select.build_query_scalar().fetch_one(self.readers()).await?)
    }

    /// How many jobs stand where, for metrics.
    pub async fn job_counts(&self) -> Result<Vec<(JobStatus, u64)>, StoreError> {
        let counts =
            query!(r#"SELECT status AS "status!: JobStatus", n AS "n!: u64" FROM job_count WHERE n > 0"#);
        let counts = counts.fetch_all(self.readers()).await?;
        Ok(counts.into_iter().map(|row| (row.status, row.n)).collect())
    }

    /// Cancels a job: at once where it does not run, else by asking its run. Twice is the same as once.
    pub async fn cancel_job(&self, id: JobId) -> Result<Job, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                match status_of(tx, id).await? {
                    (JobStatus::Cancelled, _) | (JobStatus::Running, Some(Desired::Cancelled)) => {}
                    (JobStatus::Running, _) => set_desired(tx, id, Some(Desired::Cancelled)).await?,
                    (status, _) if status.terminal() => return Err(Conflict::JobStatus { status }.into()),
                    _ => cancel_now(tx, id).await?,
                }
                load_one(&mut tx.conn, id).await
            })
        })
        .await
    }

    /// Pauses a job: at once where it waits, else by asking its run.
    pub async fn pause_job(&self, id: JobId) -> Result<Job, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                match status_of(tx, id).await? {
                    (JobStatus::Paused, _) | (JobStatus::Running, Some(Desired::Paused)) => {}
                    (JobStatus::Running, None) => set_desired(tx, id, Some(Desired::Paused)).await?,
                    (JobStatus::Queued | JobStatus::Retrying, _) => {
                        set_status(tx, id, JobStatus::Paused).await?;
                    }
                    (status, _) => return Err(Conflict::JobStatus { status }.into()),
                }
                load_one(&mut tx.conn, id).await
            })
        })
        .await
    }

    /// Queues a paused job again, or takes back a pause that has not happened yet.
    pub async fn resume_job(&self, id: JobId) -> Result<Job, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                match status_of(tx, id).await? {
                    (JobStatus::Paused, _) => set_status(tx, id, JobStatus::Queued).await?,
                    (JobStatus::Running, Some(Desired::Paused)) => set_desired(tx, id, None).await?,
                    // Twice is the same as once.
                    (JobStatus::Queued | JobStatus::Retrying | JobStatus::Running, None) => {}
                    (status, _) => return Err(Conflict::JobStatus { status }.into()),
                }
                load_one(&mut tx.conn, id).await
            })
        })
        .await
    }

    pub async fn change_job(&self, id: JobId, change: JobChange) -> Result<Job, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let (status, _) = status_of(tx, id).await?;
                if let Some(priority) = change.priority {
                    if !status.waiting() {
                        return Err(Conflict::JobStatus { status }.into());
                    }
                    query!("UPDATE job SET priority = ? WHERE id = ?", priority, id)
                        .execute(&mut tx.conn)
                        .await?;
                }
                if let Some(labels) = &change.labels {
                    query!("DELETE FROM job_label WHERE job_id = ?", id).execute(&mut tx.conn).await?;
                    set_labels(tx, id, labels).await?;
                }
                if let Some(notes) = &change.notes {
                    query!("UPDATE job SET notes = ? WHERE id = ?", notes, id).execute(&mut tx.conn).await?;
                }
                load_one(&mut tx.conn, id).await
            })
        })
        .await
    }

    /// Deletes a finished job with its runs, metrics and events; its models stay.
    pub async fn delete_job(&self, id: JobId) -> Result<DeletedJob, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let (status, _) = status_of(tx, id).await?;
                if !status.terminal() {
                    return Err(Conflict::JobStatus { status }.into());
                }
                let child = query_scalar!(
                    r#"SELECT job.id AS "id!: JobId" FROM job_parent JOIN job ON job.id = job_id
                       WHERE job_parent.job = ? AND finished_at IS NULL LIMIT 1"#,
                    id
                );
                if let Some(job) = child.fetch_optional(&mut tx.conn).await? {
                    return Err(Conflict::Continued { job }.into());
                }
                let runs = query_scalar!(r#"SELECT id AS "id!: RunId" FROM run WHERE job_id = ?"#, id)
                    .fetch_all(&mut tx.conn)
                    .await?;
                for run in &runs {
                    tx.deleted(*run);
                }
                tx.deleted_job(id);
                query!("DELETE FROM job WHERE id = ?", id).execute(&mut tx.conn).await?;
                Ok(DeletedJob { runs })
            })
        })
        .await
    }
}
