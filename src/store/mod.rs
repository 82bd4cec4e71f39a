//! All that is kept: data sets, jobs, runs, their events and metrics, models. SQLite behind one writer.
//!
//! Changes go through the writer (`writer.rs`), which commits what is waiting together; reads go to a pool of
//! read-only connections. Nothing here touches files: what a key names stands among the artifacts.

mod blocks;
mod counts;
mod datasets;
mod error;
mod events;
mod files;
mod idempotency;
mod ids;
mod inspect;
mod jobs;
mod keys;
mod metrics;
mod models;
mod queue;
mod reports;
mod retention;
mod rows;
mod runs;
mod sessions;
mod writer;

pub use counts::Counts;
pub use datasets::{DatasetFilter, DeletedDataset, NewDataset, PutDataset};
pub use error::{Conflict, StoreError};
pub use events::Follower;
pub use idempotency::{Created, Idempotency};
pub use ids::{JobId, RunId};
pub use inspect::{Inspector, Reference, SchemaVersion, forget_files, forget_processes};
pub use jobs::{DeletedJob, JobChange, JobFilter, JobParents, LabelFilter, NewJob, Poster};
pub use keys::{ApiKey, NewKey, Scope};
pub use metrics::{Series, SeriesQuery};
pub use queue::{Ahead, Capacity, Claim, Standing, Waiting};
pub use rows::*;
pub use runs::OpenRun;
pub use sessions::Session;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, query};
use tokio::sync::broadcast;

use writer::{Tx, Writer};

static MIGRATIONS: Migrator = sqlx::migrate!();

const READERS: u32 = 8;
/// How long another process that holds the database is waited for.
const BUSY: Duration = Duration::from_secs(2);
/// Groups of events that one who follows may fall behind before it reads from the database again.
const FOLLOWED: usize = 1_024;
/// The log is cut to this when it is emptied.
const LOG_BYTES: &str = "67108864";
/// Pages after which a commit moves the log into the database.
const LOG_PAGES: &str = "4000";

/// A cheap handle to all that is kept.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    writer: Writer,
    readers: SqlitePool,
    told: broadcast::Sender<Arc<[Event]>>,
    models: Arc<AtomicU64>,
    counts: Counts,
}

impl Store {
    /// Opens the database in this file, makes it or brings it up to date. One process at a time may do so, which the
    /// lock of the data folder sees to.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(true)
            .busy_timeout(BUSY)
            .disable_statement_logging();
        let mut conn = options
            .clone()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .pragma("journal_size_limit", LOG_BYTES)
            .pragma("wal_autocheckpoint", LOG_PAGES)
            .pragma("cache_size", "-16384")
            .thread_name(|_| "store-writer".to_owned())
            .connect()
            .await?;
        MIGRATIONS.run(&mut conn).await?;
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .idle_timeout(Duration::from_mins(1))
            .connect_lazy_with(options.read_only(true).thread_name(|id| format!("store-reader-{id}")));
        let (told, _) = broadcast::channel(FOLLOWED);
        let models = Arc::new(AtomicU64::new(0));
        let counts = Counts::new();
        let writer = Writer::start(conn, told.clone(), models.clone(), counts.clone());
        Ok(Self { inner: Arc::new(Inner { writer, readers, told, models, counts }) })
    }

    /// Commits what is waiting and lets go of the file. Later calls answer [`StoreError::Closed`].
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// Whether the database answers and can be written: what readiness asks.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.write(|tx| {
            Box::pin(async move {
                // Writes a page, whatever stands in it, so that a full disk is found. Not the checked macro, which
                // knows no such statement.
                sqlx::query("PRAGMA user_version = 1").execute(&mut tx.conn).await?;
                Ok(())
            })
        })
        .await?;
        query!(r#"SELECT 1 AS "one!: i64""#).fetch_one(self.readers()).await?;
        Ok(())
    }

    /// What was counted since this was opened; for the metrics.
    pub fn counts(&self) -> &Counts {
        &self.inner.counts
    }

    fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    /// A transaction for reads that must agree with each other.
    async fn snapshot(&self) -> Result<sqlx::Transaction<'static, sqlx::Sqlite>, StoreError> {
        Ok(self.inner.readers.begin().await?)
    }

    async fn write<T, F>(&self, command: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        self.inner.writer.run(command).await
    }
}

/// Ids as a JSON array of hexadecimal text, to be bound to `id IN (SELECT unhex(value) FROM json_each(?))`.
fn id_list(ids: impl IntoIterator<Item = JobId>) -> String {
    let ids: Vec<String> = ids.into_iter().map(|id| id.0.simple().to_string()).collect();
    serde_json::json!(ids).to_string()
}
