//! Answers that are kept for their idempotency keys, for a day.

use std::sync::Arc;

use sqlx::query;
use sqlx::sqlite::SqliteConnection;

use super::writer::Tx;
use super::{Answer, Conflict, Store, StoreError};
use crate::clock;

const DAY_US: i64 = 86_400_000_000;

/// Asks that a call happen once: its answer is stored in the transaction that makes the object.
pub struct Idempotency<T> {
    /// Caller and route.
    pub scope: String,
    pub key: String,
    /// SHA-256 of the body.
    pub digest: [u8; 32],
    /// Writes the answer from the object as it was made.
    pub render: Arc<dyn Fn(&T) -> Answer + Send + Sync>,
}

/// What became of something that was posted.
#[derive(Clone, Debug)]
pub enum Created<T> {
    Now(T),
    /// The same was posted before under the same idempotency key, and answered so.
    Before(Answer),
}

impl Store {
    /// The answer that was given to this key, if any; a conflict if it was given to another body.
    pub async fn kept_answer(
        &self,
        scope: &str,
        key: &str,
        digest: &[u8; 32],
    ) -> Result<Option<Answer>, StoreError> {
        let mut conn = self.readers().acquire().await?;
        find(&mut conn, scope, key, digest, clock::now_us()).await
    }

    /// Keeps a key for a call that makes several things, each in a transaction of its own, before the first of them;
    /// a conflict if it was given to another body.
    pub async fn keep_key(&self, idempotency: Idempotency<()>) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                match idempotency.before(tx).await? {
                    Some(_) => Ok(()),
                    None => idempotency.keep(tx, &()).await,
                }
            })
        })
        .await
    }
}

async fn find(
    conn: &mut SqliteConnection,
    scope: &str,
    key: &str,
    digest: &[u8; 32],
    now: i64,
) -> Result<Option<Answer>, StoreError> {
    let since = now - DAY_US;
    let found = query!(
        r#"SELECT digest AS "digest!: Vec<u8>", status AS "status!: u16", headers AS "headers!", body AS "body!"
           FROM idempotency WHERE scope = ? AND key = ? AND created_at >= ?"#,
        scope,
        key,
        since
    )
    .fetch_optional(conn)
    .await?;
    let Some(found) = found else { return Ok(None) };
    if found.digest != digest {
        return Err(Conflict::IdempotencyKey.into());
    }
    let headers = serde_json::from_str(&found.headers)?;
    Ok(Some(Answer { status: found.status, headers, body: found.body }))
}

impl<T> Idempotency<T> {
    /// What was answered before, within the transaction that would make the object.
    pub(super) async fn before(&self, tx: &mut Tx) -> Result<Option<Answer>, StoreError> {
        let now = tx.now;
        find(&mut tx.conn, &self.scope, &self.key, &self.digest, now).await
    }

    /// Keeps the answer for the object that was made.
    pub(super) async fn keep(&self, tx: &mut Tx, made: &T) -> Result<(), StoreError> {
        let answer = (self.render)(made);
        let headers = serde_json::to_string(&answer.headers)?;
        let digest = &self.digest[..];
        query!(
            "INSERT OR REPLACE INTO idempotency (scope, key, digest, status, headers, body, created_at)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            self.scope,
            self.key,
            digest,
            answer.status,
            headers,
            answer.body,
            tx.now
        )
        .execute(&mut tx.conn)
        .await?;
        Ok(())
    }
}
