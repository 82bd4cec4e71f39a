//! Checkpoints and artifacts of runs: what is known of the files.

use sqlx::sqlite::SqliteConnection;
use sqlx::{query, query_as, query_scalar};

use super::{Artifact, Checkpoint, JobId, RunId, Store, StoreError};

pub(super) async fn checkpoints_of(
    conn: &mut SqliteConnection,
    job: JobId,
    limit: i64,
) -> Result<Vec<Checkpoint>, StoreError> {
    let found = query_as!(
        Checkpoint,
        r#"SELECT run_id AS "run!: RunId", attempt AS "attempt!: u32", step AS "step!: u64", epoch AS "epoch!: f64",
                  key AS "key!", sha256 AS "sha256!", bytes AS "bytes!: u64", created_at AS "created_at!"
           FROM checkpoint JOIN run ON run.id = run_id
           WHERE job_id = ? ORDER BY attempt DESC, step DESC LIMIT ?"#,
        job,
        limit
    );
    Ok(found.fetch_all(conn).await?)
}

impl Store {
    /// Of all runs of a job, newest first.
    pub async fn checkpoints(&self, job: JobId) -> Result<Vec<Checkpoint>, StoreError> {
        let mut conn = self.readers().acquire().await?;
        checkpoints_of(&mut conn, job, -1).await
    }

    /// The one that the job goes on from: of the newest run that has any, the greatest step.
    pub async fn latest_checkpoint(&self, job: JobId) -> Result<Option<Checkpoint>, StoreError> {
        let mut conn = self.readers().acquire().await?;
        Ok(checkpoints_of(&mut conn, job, 1).await?.pop())
    }

    /// Forgets a checkpoint whose file is being removed.
    pub async fn forget_checkpoint(&self, run: RunId, step: u64) -> Result<(), StoreError> {
        let step = step as i64;
        self.write(move |tx| {
            Box::pin(async move {
                query!("DELETE FROM checkpoint WHERE run_id = ? AND step = ?", run, step)
                    .execute(&mut tx.conn)
                    .await?;
                Ok(())
            })
        })
        .await
    }

    /// Where the files stand that a run has told of.
    pub async fn keys_of_run(&self, run: RunId) -> Result<Vec<String>, StoreError> {
        let keys = query_scalar!(
            r#"SELECT key AS "key!" FROM checkpoint WHERE run_id = ?1
               UNION ALL SELECT key FROM artifact WHERE run_id = ?1
               UNION ALL SELECT key FROM model_version WHERE run_id = ?1"#,
            run
        );
        Ok(keys.fetch_all(self.readers()).await?)
    }

    /// Of all runs of a job; where several made one of the same name, the newest.
    pub async fn artifacts(&self, job: JobId) -> Result<Vec<Artifact>, StoreError> {
        self.artifacts_named(job, None).await
    }

    pub async fn artifact(&self, job: JobId, name: &str) -> Result<Artifact, StoreError> {
        self.artifacts_named(job, Some(name)).await?.pop().ok_or(StoreError::NotFound("artifact"))
    }

    async fn artifacts_named(&self, job: JobId, name: Option<&str>) -> Result<Vec<Artifact>, StoreError> {
        let found = query_as!(
            Artifact,
            r#"SELECT run_id AS "run!: RunId", attempt AS "attempt!: u32", name AS "name!",
                      media_type AS "media_type!", key AS "key!", sha256 AS "sha256!", bytes AS "bytes!: u64",
                      created_at AS "created_at!"
               FROM artifact JOIN run ON run.id = run_id
               WHERE job_id = ?1 AND (?2 IS NULL OR name = ?2) ORDER BY name, attempt DESC"#,
            job,
            name
        );
        let mut found = found.fetch_all(self.readers()).await?;
        found.dedup_by(|older, newer| older.name == newer.name);
        Ok(found)
    }
}
