//! Sessions of browsers that signed in with a key; of each only the hash of its secret is kept.

use sqlx::{query, query_as};

use super::{Store, StoreError};

/// Most sessions of one key; the oldest ends where another begins.
const MOST: i64 = 64;

/// A session without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    pub hash: [u8; 32],
    /// The id of the key that it was begun with.
    pub key: i64,
    pub expires_at: i64,
}

struct Row {
    hash: Vec<u8>,
    key: i64,
    expires_at: i64,
}

impl Store {
    /// The session of this hash that has not ended by itself; whether its key stands is another question.
    pub async fn session(&self, hash: &[u8; 32], now: i64) -> Result<Option<Session>, StoreError> {
        let hash = &hash[..];
        let row = query_as!(
            Row,
            r#"SELECT hash AS "hash!", key AS "key!", expires_at AS "expires_at!"
               FROM session WHERE hash = ? AND expires_at > ?"#,
            hash,
            now
        )
        .fetch_optional(self.readers())
        .await?;
        row.map(|row| {
            let hash = row.hash.try_into().map_err(|_| StoreError::Corrupt("a session's hash".into()))?;
            Ok(Session { hash, key: row.key, expires_at: row.expires_at })
        })
        .transpose()
    }

    /// Keeps a session, and forgets those that have ended and the oldest beyond what a key may have. A key that was
    /// revoked meanwhile begins none.
    pub async fn begin_session(&self, session: Session) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let hash = &session.hash[..];
                query!("DELETE FROM session WHERE expires_at <= ?", tx.now).execute(&mut tx.conn).await?;
                let kept = query!(
                    "INSERT INTO session (hash, key, created_at, expires_at)
                     SELECT ?, id, ?, ? FROM api_key WHERE id = ? AND revoked_at IS NULL",
                    hash,
                    tx.now,
                    session.expires_at,
                    session.key
                )
                .execute(&mut tx.conn)
                .await?;
                if kept.rows_affected() == 0 {
                    return Err(StoreError::NotFound("key"));
                }
                query!(
                    "DELETE FROM session WHERE hash IN
                     (SELECT hash FROM session WHERE key = ? ORDER BY created_at DESC LIMIT -1 OFFSET ?)",
                    session.key,
                    MOST
                )
                .execute(&mut tx.conn)
                .await?;
                Ok(())
            })
        })
        .await
    }

    /// Ends a session; one that has ended already stays so.
    pub async fn end_session(&self, hash: [u8; 32]) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                let hash = &hash[..];
                query!("DELETE FROM session WHERE hash = ?", hash).execute(&mut tx.conn).await?;
                Ok(())
            })
        })
        .await
    }
}
