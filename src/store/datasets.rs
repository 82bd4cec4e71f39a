//! Data sets and their versions.

use serde_json::Value;
use sqlx::sqlite::SqliteConnection;
use sqlx::{query, query_as, query_scalar};

use super::writer::Tx;
use super::{Conflict, Created, DatasetVersion, Idempotency, JobId, Page, Store, StoreError};
use crate::spec::dataset::DatasetSchema;

/// A data set as imported. The version in its schema is given by the store.
#[derive(Clone, Debug)]
pub struct NewDataset {
    pub schema: DatasetSchema,
    pub digest: String,
    pub hints: Value,
    pub key: String,
}

/// A data set that was kept.
#[derive(Clone, Debug)]
pub struct PutDataset {
    pub version: DatasetVersion,
    /// Whether the content is new under this name.
    pub new: bool,
}

/// Which data sets a list holds.
#[derive(Clone, Debug, Default)]
pub struct DatasetFilter {
    /// All versions of this one, instead of the latest of each.
    pub name: Option<String>,
}

/// What is left to do behind a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeletedDataset {
    pub key: String,
    /// Whether no other version stands on the same files.
    pub unused: bool,
}

struct Row {
    page: i64,
    name: String,
    version: u32,
    digest: String,
    hints: String,
    schema: String,
    key: String,
    created_at: i64,
}

impl Row {
    fn into_version(self) -> Result<DatasetVersion, StoreError> {
        let mut schema: DatasetSchema = serde_json::from_str(&self.schema)?;
        (schema.name, schema.version) = (self.name, self.version);
        Ok(DatasetVersion {
            schema,
            digest: self.digest,
            hints: serde_json::from_str(&self.hints)?,
            key: self.key,
            created_at: self.created_at,
        })
    }
}

async fn find(conn: &mut SqliteConnection, name: &str, version: Option<u32>) -> Result<Row, StoreError> {
    query_as!(
        Row,
        r#"SELECT dataset_id AS "page!", name AS "name!", version AS "version!: u32", digest AS "digest!",
                  hints AS "hints!", schema AS "schema!", key AS "key!", dataset_version.created_at AS "created_at!"
           FROM dataset JOIN dataset_version ON dataset_id = dataset.id
           WHERE name = ?1 AND (?2 IS NULL OR version = ?2) ORDER BY version DESC LIMIT 1"#,
        name,
        version
    )
    .fetch_optional(conn)
    .await?
    .ok_or(StoreError::NotFound("data set version"))
}

async fn find_content(
    conn: &mut SqliteConnection,
    name: &str,
    digest: &str,
) -> Result<Option<DatasetVersion>, StoreError> {
    let version = query_scalar!(
        r#"SELECT version AS "version!: u32" FROM dataset_version JOIN dataset ON dataset.id = dataset_id
           WHERE name = ? AND digest = ?"#,
        name,
        digest
    );
    match version.fetch_optional(&mut *conn).await? {
        Some(version) => find(conn, name, Some(version)).await?.into_version().map(Some),
        None => Ok(None),
    }
}

impl NewDataset {
    async fn put(&self, tx: &mut Tx) -> Result<PutDataset, StoreError> {
        let schema = &self.schema;
        if let Some(version) = find_content(&mut tx.conn, &schema.name, &self.digest).await? {
            return Ok(PutDataset { version, new: false });
        }
        let dataset = query!(
            r#"INSERT INTO dataset (name, last_version, created_at) VALUES (?, 1, ?)
               ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1
               RETURNING id AS "id!: i64", last_version AS "version!: i64""#,
            schema.name,
            tx.now
        )
        .fetch_one(&mut tx.conn)
        .await?;
        let (examples, bytes) = (schema.examples as i64, schema.bytes as i64);
        let (hints, written) = (self.hints.to_string(), serde_json::to_string(schema)?);
        query!(
            "INSERT INTO dataset_version (dataset_id, version, digest, format, hints, schema, examples, bytes, sha256,
                                          key, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            dataset.id,
            dataset.version,
            self.digest,
            schema.format,
            hints,
            written,
            examples,
            bytes,
            schema.sha256,
            self.key,
            tx.now
        )
        .execute(&mut tx.conn)
        .await?;
        let version = find(&mut tx.conn, &schema.name, Some(dataset.version as u32)).await?.into_version()?;
        Ok(PutDataset { version, new: true })
    }
}

impl Store {
    /// Keeps a data set as the next version of its name, or finds the same content there.
    pub async fn put_dataset(
        &self,
        new: NewDataset,
        idempotency: Option<Idempotency<PutDataset>>,
    ) -> Result<Created<PutDataset>, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let Some(idempotency) = idempotency else { return new.put(tx).await.map(Created::Now) };
                if let Some(answer) = idempotency.before(tx).await? {
                    return Ok(Created::Before(answer));
                }
                let put = new.put(tx).await?;
                idempotency.keep(tx, &put).await?;
                Ok(Created::Now(put))
            })
        })
        .await
    }

    /// A version of a data set, the latest where none is named.
    pub async fn dataset(&self, name: &str, version: Option<u32>) -> Result<DatasetVersion, StoreError> {
        find(&mut *self.readers().acquire().await?, name, version).await?.into_version()
    }

    /// The version of this name with this content.
    pub async fn dataset_by_digest(
        &self,
        name: &str,
        digest: &str,
    ) -> Result<Option<DatasetVersion>, StoreError> {
        find_content(&mut *self.snapshot().await?, name, digest).await
    }

    /// All names, for suggestions.
    pub async fn dataset_names(&self) -> Result<Vec<String>, StoreError> {
        let names = query_scalar!(
            r#"SELECT name AS "name!" FROM dataset
               WHERE EXISTS (SELECT 1 FROM dataset_version WHERE dataset_id = dataset.id) ORDER BY name"#
        );
        Ok(names.fetch_all(self.readers()).await?)
    }

    /// Newest first. The cursor is the page's own.
    pub async fn datasets(
        &self,
        filter: &DatasetFilter,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Page<DatasetVersion, i64>, StoreError> {
        let (after, take) = (after.unwrap_or(i64::MAX), i64::from(limit) + 1);
        let mut rows = match &filter.name {
            Some(name) => {
                query_as!(
                Row,
                r#"SELECT version AS "page!: i64", name AS "name!", version AS "version!: u32", digest AS "digest!",
                          hints AS "hints!", schema AS "schema!", key AS "key!",
                          dataset_version.created_at AS "created_at!"
                   FROM dataset JOIN dataset_version ON dataset_id = dataset.id
                   WHERE name = ? AND version < ? ORDER BY version DESC LIMIT ?"#,
                name,
                after,
                take
            )
            .fetch_all(self.readers())
            .await?
            }
            None => { query_as!(
                Row,
                r#"SELECT id AS "page!: i64", name AS "name!", version AS "version!: u32", digest AS "digest!",
                          hints AS "hints!", schema AS "schema!", key AS "key!", latest.created_at AS "created_at!"
                   FROM dataset JOIN dataset_version AS latest ON dataset_id = dataset.id
                   WHERE dataset.id < ? AND version =
                       (SELECT max(version) FROM dataset_version WHERE dataset_id = dataset.id)
                   ORDER BY dataset.id DESC LIMIT ?"#,
                after,
                take
            )
            .fetch_all(self.readers())
            .await?
            }
        };
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let next = if more { rows.last().map(|row| row.page) } else { None };
        let data = rows.into_iter().map(Row::into_version).collect::<Result<_, _>>()?;
        Ok(Page { data, next })
    }

    /// Deletes a version that no unfinished job needs.
    pub async fn delete_dataset(&self, name: &str, version: u32) -> Result<DeletedDataset, StoreError> {
        let name = name.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let found = find(&mut tx.conn, &name, Some(version)).await?;
                let needed = query!(
                    r#"SELECT id AS "id!: JobId", name AS "name!" FROM job_dataset JOIN job ON job.id = job_id
                       WHERE dataset_id = ? AND version = ? AND status NOT IN ('succeeded', 'failed', 'cancelled')
                       LIMIT 1"#,
                    found.page,
                    version
                );
                if let Some(job) = needed.fetch_optional(&mut tx.conn).await? {
                    return Err(Conflict::DatasetInUse { job: job.id, name: job.name }.into());
                }
                query!("DELETE FROM dataset_version WHERE dataset_id = ? AND version = ?", found.page, version)
                    .execute(&mut tx.conn)
                    .await?;
                let others =
                    query!(r#"SELECT count(*) AS "n!: i64" FROM dataset_version WHERE key = ?"#, found.key);
                let unused = others.fetch_one(&mut tx.conn).await?.n == 0;
                Ok(DeletedDataset { key: found.key, unused })
            })
        })
        .await
    }
}
