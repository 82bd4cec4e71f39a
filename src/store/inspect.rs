//! A look at a database from outside its server: for backups, for checks, and for finding what nothing refers to.

use std::collections::HashSet;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqlitePool, SqlitePoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions as _, query, query_scalar};

use uuid::Uuid;

use super::{MIGRATIONS, RunId, Store, StoreError};

/// Files that the database refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// A key among the artifacts, or the prefix of several.
    pub key: String,
    /// What it is, in words.
    pub what: String,
    /// One of its files with that file's SHA-256, where that is known.
    pub checksum: Option<(String, String)>,
}

/// Which schema a database has, and which this program writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    found: i64,
    known: i64,
}

impl SchemaVersion {
    /// Whether it was written by a later program.
    pub fn is_newer(self) -> bool {
        self.found > self.known
    }
}

impl std::fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { found, known } = self;
        match found.cmp(known) {
            std::cmp::Ordering::Equal => write!(f, "{found}, which is current"),
            std::cmp::Ordering::Less => {
                write!(f, "{found}, which the next start of the server brings up to {known}")
            }
            std::cmp::Ordering::Greater => {
                write!(f, "{found}, and this program knows no newer one than {known}")
            }
        }
    }
}

/// Reads a database that may be in use, and changes nothing.
pub struct Inspector {
    pool: SqlitePool,
}

impl Inspector {
    pub async fn open(database: &Path) -> Result<Self, StoreError> {
        let options =
            SqliteConnectOptions::new().filename(database).read_only(true).disable_statement_logging();
        Ok(Self { pool: SqlitePoolOptions::new().max_connections(1).connect_with(options).await? })
    }

    pub async fn version(&self) -> Result<SchemaVersion, StoreError> {
        let found = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations");
        let known = MIGRATIONS.iter().map(|migration| migration.version).max().unwrap_or(0);
        Ok(SchemaVersion { found: found.fetch_one(&self.pool).await?, known })
    }

    /// What SQLite finds wrong with the file.
    pub async fn check(&self) -> Result<Vec<String>, StoreError> {
        let mut wrong: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_all(&self.pool).await?;
        wrong.retain(|line| line != "ok");
        let dangling: Vec<String> = sqlx::query_scalar(
            "SELECT \"table\" || ' refers to a missing ' || parent FROM pragma_foreign_key_check",
        )
        .fetch_all(&self.pool)
        .await?;
        wrong.extend(dangling);
        Ok(wrong)
    }

    /// Writes a copy of the database as it is now, while others go on writing.
    pub async fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        // A path is no parameter of this statement's.
        let quoted = path.to_string_lossy().replace('\'', "''");
        sqlx::query(AssertSqlSafe(format!("VACUUM INTO '{quoted}'"))).execute(&self.pool).await?;
        Ok(())
    }

    /// All files that something refers to.
    pub async fn references(&self) -> Result<Vec<Reference>, StoreError> {
        let mut found = Vec::new();
        let datasets = query!(
            r#"SELECT name AS "name!", version AS "version!", key AS "key!"
               FROM dataset_version JOIN dataset ON dataset.id = dataset_id"#
        );
        found.extend(datasets.fetch_all(&self.pool).await?.into_iter().map(|row| Reference {
            what: format!("data set {} version {}", row.name, row.version),
            key: row.key,
            checksum: None,
        }));
        let models = query!(
            r#"SELECT name AS "name!", version AS "version!", key AS "key!", sha256 AS "sha256!"
               FROM model_version JOIN model ON model.id = model_id"#
        );
        found.extend(models.fetch_all(&self.pool).await?.into_iter().map(|row| Reference {
            what: format!("model {} version {}", row.name, row.version),
            checksum: Some((format!("{}/weights.safetensors", row.key), row.sha256)),
            key: row.key,
        }));
        let pending = query_scalar!(r#"SELECT key AS "key!" FROM pending_model"#);
        found.extend(pending.fetch_all(&self.pool).await?.into_iter().map(|key| Reference {
            what: "a model of a run under way".into(),
            key,
            checksum: None,
        }));
        let files = query!(
            r#"SELECT 'a checkpoint' AS "what!: String", key AS "key!", sha256 AS "sha256!" FROM checkpoint
               UNION ALL SELECT 'the artifact ' || name, key, sha256 FROM artifact"#
        );
        found.extend(files.fetch_all(&self.pool).await?.into_iter().map(|row| Reference {
            what: row.what,
            checksum: Some((row.key.clone(), row.sha256)),
            key: row.key,
        }));
        Ok(found)
    }

    /// Jobs and runs that are not finished.
    pub async fn unfinished(&self) -> Result<HashSet<Uuid>, StoreError> {
        let ids = query_scalar!(
            r#"SELECT id AS "id!: RunId" FROM run WHERE finished_at IS NULL
               UNION ALL SELECT id FROM job WHERE finished_at IS NULL"#
        );
        Ok(ids.fetch_all(&self.pool).await?.into_iter().map(|RunId(id)| id).collect())
    }

    /// Every run that there is.
    pub async fn runs(&self) -> Result<HashSet<RunId>, StoreError> {
        let runs = query_scalar!(r#"SELECT id AS "id!: RunId" FROM run"#);
        Ok(runs.fetch_all(&self.pool).await?.into_iter().collect())
    }
}

impl Store {
    /// A look at the database of this server.
    pub fn inspector(&self) -> Inspector {
        Inspector { pool: self.readers().clone() }
    }
}

/// Readies a copy for another server: runs that were under way belong to processes of the first one.
pub async fn forget_processes(database: &Path) -> Result<(), StoreError> {
    let mut conn = SqliteConnectOptions::new().filename(database).connect().await?;
    query!(
        "UPDATE run SET pid = NULL, start_time = NULL, boot_id = NULL, token_hash = NULL
         WHERE status IN ('starting', 'running')"
    )
    .execute(&mut conn)
    .await?;
    sqlx::Connection::close(conn).await?;
    Ok(())
}

/// Has a copy forget that whose files were removed while it was made, as its server has by now. A model or a data set
/// that an unfinished job needs stays, so that it is seen to be missing.
pub async fn forget_files(database: &Path, keys: &[String]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let mut conn = SqliteConnectOptions::new().filename(database).connect().await?;
    let keys = serde_json::to_string(keys)?;
    query!(
        "DELETE FROM checkpoint WHERE key IN (SELECT value FROM json_each(?));
         DELETE FROM artifact WHERE key IN (SELECT value FROM json_each(?));
         DELETE FROM pending_model WHERE key IN (SELECT value FROM json_each(?))",
        keys,
        keys,
        keys
    )
    .execute(&mut conn)
    .await?;
    forget_models(&mut conn, &keys).await?;
    query!(
        "DELETE FROM dataset_version WHERE key IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
             SELECT 1 FROM job_dataset JOIN job ON job.id = job_id
             WHERE job_dataset.dataset_id = dataset_version.dataset_id
                 AND job_dataset.version = dataset_version.version AND finished_at IS NULL)",
        keys
    )
    .execute(&mut conn)
    .await?;
    sqlx::Connection::close(conn).await?;
    Ok(())
}

/// Forgets versions of models with the aliases that point at them.
async fn forget_models(conn: &mut SqliteConnection, keys: &str) -> Result<(), StoreError> {
    let gone = query!(
        r#"SELECT model_id AS "model!: i64", version AS "version!: i64"
           FROM model_version JOIN model ON model.id = model_id
           WHERE key IN (SELECT value FROM json_each(?)) AND NOT EXISTS (
               SELECT 1 FROM job_parent JOIN job ON job.id = job_id
               WHERE job_parent.model = model.name AND job_parent.version = model_version.version
                   AND finished_at IS NULL)"#,
        keys
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in gone {
        query!("DELETE FROM model_alias WHERE model_id = ? AND version = ?", row.model, row.version)
            .execute(&mut *conn)
            .await?;
        query!("DELETE FROM model_version WHERE model_id = ? AND version = ?", row.model, row.version)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
