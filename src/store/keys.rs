//! Keys by which callers are known; of each only the hash is kept.

use sqlx::{query, query_as};

use super::{Conflict, Created, Idempotency, Store, StoreError};

crate::choices! {
    /// What a key allows.
    pub enum Scope {
        /// To look at everything but keys.
        Read = "read",
        /// To upload, post, change and delete.
        Train = "train",
        /// To call models.
        Infer = "infer",
        /// Everything, keys included.
        Admin = "admin",
    }
}

/// A key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub id: i64,
    pub name: String,
    pub hash: [u8; 32],
    pub scopes: Vec<Scope>,
    pub created_at: i64,
    pub expires_at: Option<i64>,
    pub last_used_at: Option<i64>,
}

/// A key to be kept.
#[derive(Clone, Debug)]
pub struct NewKey {
    pub name: String,
    pub hash: [u8; 32],
    pub scopes: Vec<Scope>,
    pub expires_at: Option<i64>,
}

struct Row {
    id: i64,
    name: String,
    hash: Vec<u8>,
    scopes: String,
    created_at: i64,
    expires_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl Row {
    fn into_key(self) -> Result<ApiKey, StoreError> {
        Ok(ApiKey {
            id: self.id,
            name: self.name,
            hash: self.hash.try_into().map_err(|_| StoreError::Corrupt("a key's hash".into()))?,
            scopes: serde_json::from_str(&self.scopes)?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        })
    }
}

impl Store {
    /// The keys that were not revoked, in the order of their making.
    pub async fn keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = query_as!(
            Row,
            r#"SELECT id AS "id!", name AS "name!", hash AS "hash!", scopes AS "scopes!", created_at AS "created_at!",
                      expires_at AS "expires_at?", last_used_at AS "last_used_at?"
               FROM api_key WHERE revoked_at IS NULL ORDER BY id"#
        );
        rows.fetch_all(self.readers()).await?.into_iter().map(Row::into_key).collect()
    }

    pub async fn create_key(
        &self,
        new: NewKey,
        idempotency: Option<Idempotency<ApiKey>>,
    ) -> Result<Created<ApiKey>, StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                if let Some(idempotency) = &idempotency
                    && let Some(answer) = idempotency.before(tx).await?
                {
                    return Ok(Created::Before(answer));
                }
                let (hash, scopes) = (&new.hash[..], serde_json::to_string(&new.scopes)?);
                let kept = query!(
                    "INSERT INTO api_key (name, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
                     ON CONFLICT DO NOTHING",
                    new.name,
                    hash,
                    scopes,
                    tx.now,
                    new.expires_at
                )
                .execute(&mut tx.conn)
                .await?;
                if kept.rows_affected() == 0 {
                    return Err(Conflict::KeyName { name: new.name }.into());
                }
                let made = ApiKey {
                    id: kept.last_insert_rowid(),
                    name: new.name,
                    hash: new.hash,
                    scopes: new.scopes,
                    created_at: tx.now,
                    expires_at: new.expires_at,
                    last_used_at: None,
                };
                if let Some(idempotency) = idempotency {
                    idempotency.keep(tx, &made).await?;
                }
                Ok(Created::Now(made))
            })
        })
        .await
    }

    /// Revokes the key of this name, and ends the sessions that were begun with it. The last one that may make others is kept
    /// for as long as others need it, and where a server may not be `open` to everybody, for good.
    pub async fn revoke_key(&self, name: &str, open: bool) -> Result<(), StoreError> {
        let name = name.to_owned();
        self.write(move |tx| {
            Box::pin(async move {
                let revoked = query!(
                    "UPDATE api_key SET revoked_at = ? WHERE name = ? AND revoked_at IS NULL",
                    tx.now,
                    name
                )
                .execute(&mut tx.conn)
                .await?;
                if revoked.rows_affected() == 0 {
                    return Err(StoreError::NotFound("key"));
                }
                query!(
                    "DELETE FROM session WHERE key IN (SELECT id FROM api_key WHERE revoked_at IS NOT NULL)"
                )
                .execute(&mut tx.conn)
                .await?;
                let left = query!(
                    r#"SELECT count(*) AS "all!: i64",
                              coalesce(sum(EXISTS (SELECT 1 FROM json_each(scopes) WHERE value = 'admin')), 0)
                                  AS "admins!: i64"
                       FROM api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)"#,
                    tx.now
                )
                .fetch_one(&mut tx.conn)
                .await?;
                if left.admins == 0 && (left.all > 0 || !open) {
                    return Err(Conflict::LastAdmin.into());
                }
                Ok(())
            })
        })
        .await
    }

    /// Notes when a key was used.
    pub async fn use_key(&self, id: i64) -> Result<(), StoreError> {
        self.write(move |tx| {
            Box::pin(async move {
                query!("UPDATE api_key SET last_used_at = ? WHERE id = ?", tx.now, id)
                    .execute(&mut tx.conn)
                    .await?;
                Ok(())
            })
        })
        .await
    }
}
