//! What of finished jobs need not be kept: found in small steps, and deleted in small transactions.

use sqlx::{query, query_scalar};

use super::{JobId, RunId, Store, StoreError};

impl Store {
    /// Jobs that finished before that moment, in the order of their ids, behind this one.
    pub async fn finished_jobs(
        &self,
        before: i64,
        after: JobId,
        limit: u32,
    ) -> Result<Vec<JobId>, StoreError> {
        let found = query_scalar!(
            r#"SELECT id AS "id!: JobId" FROM job WHERE finished_at < ? AND id > ? ORDER BY id LIMIT ?"#,
            before,
            after,
            limit
        );
        Ok(found.fetch_all(self.readers()).await?)
    }

    /// Whether there are events of a job besides its states and its end.
    pub async fn has_surplus_events(&self, job: JobId) -> Result<bool, StoreError> {
        let found = query_scalar!(
            r#"SELECT EXISTS (SELECT 1 FROM event WHERE job_id = ? AND kind NOT IN ('status', 'end'))
               AS "any!: bool""#,
            job
        );
        Ok(found.fetch_one(self.readers()).await?)
    }

    /// Deletes some events of a finished job, the oldest first, but for its states and its end; how many.
    pub async fn delete_events(&self, job: JobId, limit: u32) -> Result<u64, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let deleted = query!(
                    "DELETE FROM event WHERE id IN (
                         SELECT event.id FROM event JOIN job ON job.id = job_id
                         WHERE job_id = ? AND finished_at IS NOT NULL AND kind NOT IN ('status', 'end')
                         ORDER BY event.id LIMIT ?)",
                    job,
                    limit
                );
                Ok(deleted.execute(&mut tx.conn).await?.rows_affected())
            })
        })
        .await
    }

    /// Those of the runs whose job finished before that moment.
    pub async fn runs_of_finished_jobs(&self, runs: &[RunId], before: i64) -> Result<Vec<RunId>, StoreError> {
        let list: Vec<String> = runs.iter().map(|run| run.0.simple().to_string()).collect();
        let list = serde_json::json!(list).to_string();
        let found = query_scalar!(
            r#"SELECT run.id AS "id!: RunId" FROM run JOIN job ON job.id = job_id
               WHERE run.id IN (SELECT unhex(value) FROM json_each(?)) AND job.finished_at < ?"#,
            list,
            before
        );
        Ok(found.fetch_all(self.readers()).await?)
    }
}
