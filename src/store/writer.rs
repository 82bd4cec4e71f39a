//! The one task that writes. It commits what is waiting together, so that the cost of a sync is shared, and tells
//! each caller after the commit alone. A command that fails is undone by itself, by its savepoint.

use std::collections::{HashMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use serde::Serialize;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, query};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::blocks::Tails;
use super::counts::{Counts, Tally};
use super::{Event, EventKind, JobId, RunId, RunStatus, StoreError, events};
use crate::spec::report::Point;
use crate::{clock, fault};

const GROUP: usize = 256;
const GROUP_TIME: Duration = Duration::from_millis(2);
const WAITING: usize = 1_024;
const IDLE: Duration = Duration::from_secs(1);
const DAY_US: i64 = 86_400_000_000;

/// What a command works with: the open transaction, and what is to happen when it is committed.
pub(super) struct Tx {
    pub(super) conn: SqliteConnection,
    /// The command's time.
    pub(super) now: i64,
    events: Vec<Event>,
    points: Vec<(RunId, Vec<Point>)>,
    ended: Vec<(RunId, RunStatus)>,
    deleted: Vec<RunId>,
    deleted_jobs: Vec<JobId>,
    tally: Tally,
    models: Arc<AtomicU64>,
    models_change: bool,
}

impl Tx {
    /// An event, which is written with its group's and sent to those who follow once it is committed.
    pub(super) fn event(
        &mut self,
        job: JobId,
        kind: EventKind,
        data: &impl Serialize,
    ) -> Result<(), StoreError> {
        let data = serde_json::to_string(data)?.into();
        self.events.push(Event { id: 0, job, kind, data, time: self.now });
        Ok(())
    }

    /// Points that are written into their blocks before the commit.
    pub(super) fn points(&mut self, run: RunId, points: Vec<Point>) {
        self.points.push((run, points));
    }

    /// Models, their versions or aliases are about to change.
    pub(super) fn change_models(&mut self) {
        if !std::mem::replace(&mut self.models_change, true) {
            self.models.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// What was changed of models stands, or was undone.
    fn models_stand(&mut self) {
        if std::mem::take(&mut self.models_change) {
            self.models.fetch_add(1, Ordering::AcqRel);
        }
    }

    /// The run ended so, and no more points come of it.
    pub(super) fn ended(&mut self, run: RunId, status: RunStatus) {
        self.ended.push((run, status));
    }

    /// A run trained so many steps more.
    pub(super) fn trained(&mut self, steps: u64) {
        self.tally.steps += steps;
    }

    /// A job is tried again.
    pub(super) fn retried(&mut self) {
        self.tally.retries += 1;
    }

    /// Points of this run have no place any more.
    pub(super) fn deleted(&mut self, run: RunId) {
        self.deleted.push(run);
    }

    /// Events of this job have no place any more.
    pub(super) fn deleted_job(&mut self, job: JobId) {
        self.deleted_jobs.push(job);
    }

    fn forget(&mut self) {
        self.events.clear();
        self.points.clear();
        self.ended.clear();
        self.deleted.clear();
        self.deleted_jobs.clear();
        self.tally = Tally::default();
    }
}

/// Tells a caller that the commit is through, or why not.
type Tell = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

type Run = dyn for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, (bool, Tell)> + Send;

/// A command, and how its caller is told where it cannot even begin.
struct Work {
    /// Answers whether what it did may stay, and how its caller is told.
    run: Box<Run>,
    refuse: Tell,
}

enum Command {
    Work(Work),
    Close(oneshot::Sender<()>),
}

/// Where commands are handed in.
pub(super) struct Writer {
    commands: mpsc::Sender<Command>,
}

impl Writer {
    /// `models` is raised before and after each change of models, and is odd in between; `counts` counts what is
    /// committed.
    pub(super) fn start(
        conn: SqliteConnection,
        told: broadcast::Sender<Arc<[Event]>>,
        models: Arc<AtomicU64>,
        counts: Counts,
    ) -> Self {
        let (commands, waiting) = mpsc::channel(WAITING);
        let tx = Tx {
            conn,
            now: 0,
            events: Vec::new(),
            points: Vec::new(),
            ended: Vec::new(),
            deleted: Vec::new(),
            deleted_jobs: Vec::new(),
            tally: Tally::default(),
            models,
            models_change: false,
        };
        tokio::spawn(Task { waiting, told, tx, tails: Tails::default(), swept: 0, counts }.run());
        Self { commands }
    }

    /// Runs a command in the next group and answers when it is committed.
    pub(super) async fn run<T, F>(&self, command: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Of the two ways to be told, one is taken.
        let reply = Arc::new(Mutex::new(Some(reply)));
        let send = move |reply: &Mutex<Option<oneshot::Sender<_>>>, result| {
            if let Some(reply) = reply.lock().unwrap_or_else(PoisonError::into_inner).take() {
                // Nobody minds where the caller has gone.
                let _ = reply.send(result);
            }
        };
        let refused = Arc::clone(&reply);
        let work = Work {
            run: Box::new(move |tx| {
                Box::pin(async move {
                    let result = AssertUnwindSafe(command(tx)).catch_unwind().await.unwrap_or_else(|_| {
                        Err(StoreError::Corrupt("a command panicked on what it found".to_owned()))
                    });
                    let keep = result.is_ok();
                    let tell: Tell = Box::new(move |committed: Result<(), StoreError>| {
                        send(&reply, result.and_then(|value| committed.map(|()| value)));
                    });
                    (keep, tell)
                })
            }),
            refuse: Box::new(move |why| send(&refused, Err(why.err().unwrap_or(StoreError::Closed)))),
        };
        self.commands.send(Command::Work(work)).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Commits what is waiting, empties the log and lets go of the file.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.commands.send(Command::Close(reply)).await.is_ok() {
            let _ = closed.await;
        }
    }
}

struct Task {
    waiting: mpsc::Receiver<Command>,
    told: broadcast::Sender<Arc<[Event]>>,
    tx: Tx,
    tails: Tails,
    /// When answers that are past their day were last swept out.
    swept: i64,
    counts: Counts,
}

/// What a group has done so far.
#[derive(Default)]
struct Group {
    tells: Vec<Tell>,
    events: Vec<Event>,
    points: Vec<(RunId, Vec<Point>)>,
    ended: Vec<(RunId, RunStatus)>,
    deleted: HashSet<RunId>,
    deleted_jobs: HashSet<JobId>,
    tally: Tally,
    /// A close that came behind the group's commands.
    close: Option<oneshot::Sender<()>>,
}

impl Task {
    async fn run(mut self) {
        let mut dirty = false;
        let close = loop {
            let command = if dirty {
                if let Ok(command) = tokio::time::timeout(IDLE, self.waiting.recv()).await {
                    command
                } else {
                    self.empty_log().await;
                    dirty = false;
                    continue;
                }
            } else {
                self.waiting.recv().await
            };
            match command {
                Some(Command::Work(work)) => {
                    dirty = true;
                    if let Some(close) = self.group(work).await {
                        break Some(close);
                    }
                }
                Some(Command::Close(close)) => break Some(close),
                None => break None,
            }
        };
        self.waiting.close();
        self.empty_log().await;
        if let Err(error) = self.tx.conn.close().await {
            tracing::warn!(%error, "the database was not closed cleanly");
        }
        if let Some(close) = close {
            let _ = close.send(());
        }
    }

    /// Runs and commits a group that begins with this command.
    async fn group(&mut self, first: Work) -> Option<oneshot::Sender<()>> {
        let mut group = Group::default();
        let mut result = self.fill(first, &mut group).await;
        if result.is_ok() {
            result = self.commit(&mut group).await;
        }
        if let Err(error) = &result {
            tracing::error!(%error, cause = ?error, "a group of changes was not committed");
            self.counts.failed.inc();
            self.tails = Tails::default();
            // Where the failure undid the transaction by itself there is nothing to roll back.
            let _ = self.statement("ROLLBACK").await;
        } else if !group.events.is_empty() {
            // Nobody may be following.
            let _ = self.told.send(group.events.into());
        }
        self.tx.models_stand();
        for tell in group.tells {
            tell(result.clone());
        }
        group.close
    }

    async fn fill(&mut self, first: Work, group: &mut Group) -> Result<(), StoreError> {
        let began = clock::monotonic();
        let mut next = Some(first);
        let mut begin = "BEGIN IMMEDIATE; SAVEPOINT command";
        while let Some(work) = next.take() {
            self.one(begin, work, group).await?;
            begin = "RELEASE command; SAVEPOINT command";
            if group.tells.len() >= GROUP || began.elapsed() >= GROUP_TIME {
                break;
            }
            match self.waiting.try_recv() {
                Ok(Command::Work(work)) => next = Some(work),
                Ok(Command::Close(close)) => group.close = Some(close),
                Err(_) => {}
            }
        }
        Ok(())
    }

    /// Runs one command within the savepoint that `begin` makes. Every statement is a way to SQLite's thread and back,
    /// so the savepoint is released together with what comes next.
    async fn one(&mut self, begin: &'static str, work: Work, group: &mut Group) -> Result<(), StoreError> {
        if let Err(error) = self.statement(begin).await {
            group.tells.push(work.refuse);
            return Err(error);
        }
        self.tx.now = clock::now_us();
        let (keep, tell) = (work.run)(&mut self.tx).await;
        group.tells.push(tell);
        if keep {
            group.events.append(&mut self.tx.events);
            group.points.append(&mut self.tx.points);
            group.ended.append(&mut self.tx.ended);
            group.tally.append(&mut self.tx.tally);
            group.deleted.extend(self.tx.deleted.drain(..));
            group.deleted_jobs.extend(self.tx.deleted_jobs.drain(..));
        } else {
            self.tx.forget();
            self.statement("ROLLBACK TO command").await?;
        }
        Ok(())
    }

    async fn commit(&mut self, group: &mut Group) -> Result<(), StoreError> {
        if self.tx.now - self.swept > DAY_US / 24 {
            self.swept = self.tx.now;
            let old = self.tx.now - DAY_US;
            query!("DELETE FROM idempotency WHERE created_at < ?", old).execute(&mut self.tx.conn).await?;
        }
        let mut points: HashMap<RunId, Vec<Point>> = HashMap::new();
        for (run, more) in group.points.drain(..) {
            if !group.deleted.contains(&run) {
                points.entry(run).or_default().extend(more);
            }
        }
        for (run, points) in points {
            self.tails.append(&mut self.tx.conn, run, points).await?;
        }
        group.events.retain(|event| !group.deleted_jobs.contains(&event.job));
        events::insert(&mut self.tx.conn, &mut group.events).await?;
        fault::point("server.commit.before");
        let began = clock::monotonic();
        self.statement("COMMIT").await?;
        self.counts.commit.observe(began.elapsed().as_secs_f64());
        fault::point("server.commit.after");
        self.counts.commands.observe(group.tells.len() as f64);
        self.counts.add(&group.tally);
        for (run, status) in group.ended.drain(..) {
            self.counts.runs_finished.with_label_values(&[status.word()]).inc();
            self.tails.forget(run);
        }
        for run in group.deleted.drain() {
            self.tails.forget(run);
        }
        Ok(())
    }

    async fn statement(&mut self, sql: &'static str) -> Result<(), StoreError> {
        // Not the checked macro: these open and close what it checks in.
        sqlx::query(sql).execute(&mut self.tx.conn).await?;
        Ok(())
    }

    async fn empty_log(&mut self) {
        if let Err(error) = self.statement("PRAGMA wal_checkpoint(TRUNCATE)").await {
            tracing::warn!(%error, "the write-ahead log was not emptied");
        }
    }
}
