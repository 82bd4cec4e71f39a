//! Models: numbered versions, and aliases that point at them.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;

use sqlx::sqlite::SqliteConnection;
use sqlx::{query, query_as, query_scalar};

use super::writer::Tx;
use super::{Conflict, JobId, Model, ModelVersion, Page, RunId, Store, StoreError};

const LATEST: &str = "latest";

struct Row {
    model: i64,
    name: String,
    version: u32,
    job: JobId,
    run: RunId,
    output: String,
    key: String,
    sha256: String,
    bytes: u64,
    metrics: String,
    spec: String,
    created_at: i64,
}

/// All of some models, whose numbers come as a JSON array.
async fn load(conn: &mut SqliteConnection, models: &[i64]) -> Result<Vec<(i64, Model)>, StoreError> {
    let list = serde_json::to_string(models)?;
    let rows = query_as!(
        Row,
        r#"SELECT model_id AS "model!", name AS "name!", version AS "version!: u32", job_id AS "job!: JobId",
                  run_id AS "run!: RunId", output AS "output!", key AS "key!", sha256 AS "sha256!",
                  bytes AS "bytes!: u64", metrics AS "metrics!", spec AS "spec!",
                  model_version.created_at AS "created_at!"
           FROM model_version JOIN model ON model.id = model_id
           WHERE model_id IN (SELECT value FROM json_each(?)) ORDER BY model_id DESC, version DESC"#,
        list
    )
    .fetch_all(&mut *conn)
    .await?;
    let aliases = query!(
        r#"SELECT model_id AS "model!", alias AS "alias!", version AS "version!: u32" FROM model_alias
           WHERE model_id IN (SELECT value FROM json_each(?))"#,
        list
    )
    .fetch_all(conn)
    .await?;
    let mut by_model: HashMap<i64, BTreeMap<String, u32>> = HashMap::new();
    for row in aliases {
        by_model.entry(row.model).or_default().insert(row.alias, row.version);
    }
    let mut found: Vec<(i64, Model)> = Vec::new();
    for row in rows {
        if found.last().is_none_or(|(id, _)| *id != row.model) {
            let mut aliases = by_model.remove(&row.model).unwrap_or_default();
            // Versions come newest first.
            aliases.insert(LATEST.to_owned(), row.version);
            let model =
                Model { name: row.name.clone(), created_at: row.created_at, versions: Vec::new(), aliases };
            found.push((row.model, model));
        }
        if let Some((_, model)) = found.last_mut() {
            model.created_at = row.created_at;
            let version = row.into_version(&model.aliases)?;
            model.versions.push(version);
        }
    }
    Ok(found)
}

impl Row {
    fn into_version(self, aliases: &BTreeMap<String, u32>) -> Result<ModelVersion, StoreError> {
        let here = aliases.iter().filter(|(_, version)| **version == self.version);
        Ok(ModelVersion {
            aliases: here.map(|(alias, _)| alias.clone()).collect(),
            name: self.name,
            version: self.version,
            job: self.job,
            run: self.run,
            output: self.output,
            key: self.key,
            sha256: self.sha256,
            bytes: self.bytes,
            metrics: serde_json::from_str(&self.metrics)?,
            spec: serde_json::from_str(&self.spec)?,
            created_at: self.created_at,
        })
    }
}

async fn id_of(conn: &mut SqliteConnection, name: &str) -> Result<i64, StoreError> {
    query_scalar!(r#"SELECT id AS "id!" FROM model WHERE name = ?"#, name)
        .fetch_optional(conn)
        .await?
        .ok_or(StoreError::NotFound("model"))
}

async fn load_one(conn: &mut SqliteConnection, name: &str) -> Result<Model, StoreError> {
    let id = id_of(&mut *conn, name).await?;
    // A name whose versions are all deleted keeps its row, so that no number is given twice.
    load(conn, &[id]).await?.pop().map(|(_, model)| model).ok_or(StoreError::NotFound("model"))
}

fn pick(model: Model, version: &str) -> Result<ModelVersion, StoreError> {
    let number = match version.parse::<u32>() {
        Ok(number) => Some(number),
        Err(_) => model.aliases.get(version).copied(),
    };
    let mut versions = model.versions.into_iter();
    versions.find(|found| Some(found.version) == number).ok_or(StoreError::NotFound("model version"))
}

/// Makes a version of each model that a run wrote, in the transaction that ends the run.
pub(super) async fn make_versions(tx: &mut Tx, job: JobId, run: RunId) -> Result<(), StoreError> {
    let pending = query!(
        r#"SELECT output AS "output!", model_name AS "model_name!"
           FROM pending_model, job WHERE run_id = ? AND job.id = ? ORDER BY output"#,
        run,
        job
    )
    .fetch_all(&mut tx.conn)
    .await?;
    if !pending.is_empty() {
        tx.change_models();
    }
    for (index, made) in pending.into_iter().enumerate() {
        let name = match &*made.output {
            "" => made.model_name,
            output => format!("{}-{output}", made.model_name),
        };
        let model = query!(
            r#"INSERT INTO model (name, last_version, created_at) VALUES (?, 1, ?)
               ON CONFLICT (name) DO UPDATE SET last_version = last_version + 1
               RETURNING id AS "id!: i64", last_version AS "version!: i64""#,
            name,
            tx.now
        )
        .fetch_one(&mut tx.conn)
        .await?;
        query!(
            "INSERT INTO model_version (model_id, version, job_id, run_id, output, key, sha256, bytes, metrics, spec,
                                        created_at)
             SELECT ?1, ?2, ?3, run_id, output, key, sha256, bytes, metrics, spec, ?4
             FROM pending_model JOIN job_document ON job_document.job_id = ?3 WHERE run_id = ?5 AND output = ?6",
            model.id,
            model.version,
            job,
            tx.now,
            run,
            made.output
        )
        .execute(&mut tx.conn)
        .await?;
        if index == 0 {
            query!("UPDATE job SET made_model = ?, made_version = ? WHERE id = ?", name, model.version, job)
                .execute(&mut tx.conn)
                .await?;
        }
    }
    Ok(())
}

impl Store {
    /// A number that is raised when models change, their versions or their aliases: what was read while it stood at
    /// one value holds until it has another. `None` while a change is under way.
    pub fn models_generation(&self) -> Option<u64> {
        let generation = self.inner.models.load(Ordering::Acquire);
        generation.is_multiple_of(2).then_some(generation)
    }

    /// Newest first. The cursor is the page's own.
    pub async fn models(&self, after: Option<i64>, limit: u32) -> Result<Page<Model, i64>, StoreError> {
        let mut snapshot = self.snapshot().await?;
        let (after, take) = (after.unwrap_or(i64::MAX), i64::from(limit) + 1);
        let mut ids = query_scalar!(
            r#"SELECT id AS "id!" FROM model
               WHERE id < ? AND EXISTS (SELECT 1 FROM model_version WHERE model_id = model.id)
               ORDER BY id DESC LIMIT ?"#,
            after,
            take
        )
        .fetch_all(&mut *snapshot)
        .await?;
        let more = ids.len() > limit as usize;
        ids.truncate(limit as usize);
        let next = if more { ids.last().copied() } else { None };
        let found = load(&mut snapshot, &ids).await?;
        Ok(Page { data: found.into_iter().map(|(_, model)| model).collect(), next })
    }

    pub async fn model(&self, name: &str) -> Result<Model, StoreError> {
        load_one(&mut *self.snapshot().await?, name).await
    }

    /// A version by number or alias; `latest` is the greatest.
    pub async fn model_version(&self, name: &str, version: &str) -> Result<ModelVersion, StoreError> {
        pick(self.model(name).await?, version)
    }

    /// The names of all models that have a version.
    pub async fn model_names(&self) -> Result<Vec<String>, StoreError> {
        let names = query_scalar!(
            "SELECT name FROM model WHERE EXISTS (SELECT 1 FROM model_version WHERE model_id = model.id) ORDER BY name"
        );
        Ok(names.fetch_all(self.readers()).await?)
    }

    /// Points an alias at a version.
    pub async fn set_alias(&self, name: &str, alias: &str, version: u32) -> Result<(), StoreError> {
        if alias == LATEST {
            return Err(Conflict::LatestAlias.into());
        }
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let model = load_one(&mut tx.conn, &name).await?;
                pick(model, &version.to_string())?;
                let id = id_of(&mut tx.conn, &name).await?;
                tx.change_models();
                query!(
                    "INSERT INTO model_alias (model_id, alias, version, updated_at) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (model_id, alias) DO UPDATE SET version = ?3, updated_at = ?4",
                    id,
                    alias,
                    version,
                    tx.now
                )
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    pub async fn delete_alias(&self, name: &str, alias: &str) -> Result<(), StoreError> {
        if alias == LATEST {
            return Err(Conflict::LatestAlias.into());
        }
        let (name, alias) = (name.to_owned(), alias.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let id = id_of(&mut tx.conn, &name).await?;
                tx.change_models();
                let deleted = query!("DELETE FROM model_alias WHERE model_id = ? AND alias = ?", id, alias)
                    .execute(&mut tx.conn)
                    .await?;
                if deleted.rows_affected() == 0 { Err(StoreError::NotFound("alias")) } else { Ok(()) }
            })
        })
        .await
    }

    /// Deletes a version that no alias but `latest` points at; answers it as it was, with the key of its files.
    pub async fn delete_model_version(&self, name: &str, version: &str) -> Result<ModelVersion, StoreError> {
        let (name, version) = (name.to_owned(), version.to_owned());
        self.write(move |tx| {
            Box::pin(async move {
                let found = pick(load_one(&mut tx.conn, &name).await?, &version)?;
                if let Some(alias) = found.aliases.iter().find(|alias| *alias != LATEST) {
                    return Err(Conflict::AliasPointsHere { alias: alias.clone() }.into());
                }
                let child = query_scalar!(
                    r#"SELECT job.id AS "id!: JobId" FROM job_parent JOIN job ON job.id = job_id
                       WHERE model = ? AND version = ? AND finished_at IS NULL LIMIT 1"#,
                    name,
                    found.version
                );
                if let Some(job) = child.fetch_optional(&mut tx.conn).await? {
                    return Err(Conflict::BegunWith { job }.into());
                }
                let id = id_of(&mut tx.conn, &name).await?;
                tx.change_models();
                query!("DELETE FROM model_version WHERE model_id = ? AND version = ?", id, found.version)
                    .execute(&mut tx.conn)
                    .await?;
                Ok(found)
            })
        })
        .await
    }
}
