//! What can go wrong in the store, in the store's own words.

use super::JobId;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// A run that is no longer its job's: its attempt is stale, or it has ended.
    #[error("the run has ended or was replaced")]
    Gone,
    /// A batch of reports that leaves others out.
    #[error("the next batch of this run is number {expected}")]
    OutOfOrder { expected: u64 },
    #[error("no space is left for the database")]
    Full,
    #[error("the key has {most} unfinished jobs, which is as many as it may")]
    TooManyJobs { most: u64 },
    /// Another process holds the database and does not let go.
    #[error("the database is held by another process")]
    Busy,
    #[error(
        "the data folder was written by a newer version of this program; use that one, or restore a backup"
    )]
    Newer,
    #[error("the store is closed")]
    Closed,
    /// Stored bytes that this program did not write.
    #[error("the database holds what it should not: {0}")]
    Corrupt(String),
    #[error("the database failed: {0}")]
    Database(#[source] std::sync::Arc<sqlx::Error>),
}

/// What stands against a change.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    #[error("this idempotency key was used with another body")]
    IdempotencyKey,
    #[error("the job is {status}")]
    JobStatus { status: super::JobStatus },
    #[error("the job \"{name}\" ({job}) needs this version")]
    DatasetInUse { job: JobId, name: String },
    #[error("the data set {name} has no version {version} any more")]
    DatasetGone { name: String, version: u32 },
    #[error("the job ({job}) begins with this version")]
    BegunWith { job: JobId },
    #[error("the job ({job}) continues this one")]
    Continued { job: JobId },
    #[error("what the job begins with is there no more")]
    ParentGone,
    #[error("the alias \"{alias}\" points at this version")]
    AliasPointsHere { alias: String },
    #[error("the alias \"latest\" moves by itself")]
    LatestAlias,
    #[error("there is a key \"{name}\" already")]
    KeyName { name: String },
    #[error("it is the last key with the scope admin; make another one first")]
    LastAdmin,
}

const BUSY: i32 = 5;
const FULL: i32 = 13;
/// `SQLITE_IOERR_SHMSIZE`: the index of the log cannot grow, for which there is one reason.
const NO_ROOM_FOR_INDEX: i32 = 4_874;

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::PoolClosed => return Self::Closed,
            sqlx::Error::Database(database) => {
                let code = database.code().and_then(|code| code.parse::<i32>().ok());
                match code.map(|code| (code & 0xff, code)) {
                    Some((FULL, _) | (_, NO_ROOM_FOR_INDEX)) => return Self::Full,
                    Some((BUSY, _)) => return Self::Busy,
                    _ => {}
                }
            }
            _ => {}
        }
        Self::Database(std::sync::Arc::new(error))
    }
}

impl From<sqlx::migrate::MigrateError> for StoreError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        use sqlx::migrate::MigrateError;
        match error {
            MigrateError::VersionMissing(_) | MigrateError::VersionTooNew(..) => Self::Newer,
            MigrateError::Execute(error) => error.into(),
            other => Self::Corrupt(other.to_string()),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(error: serde_json::Error) -> Self {
        Self::Corrupt(error.to_string())
    }
}
