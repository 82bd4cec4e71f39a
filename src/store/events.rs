//! Events: what happened to jobs, in one growing order.

use std::sync::Arc;

use futures::TryStreamExt as _;
use serde_json::json;
use sqlx::sqlite::SqliteConnection;
use sqlx::{query, query_as};
use tokio::sync::broadcast;

use super::{Event, EventKind, JobId, JobStatus, Page, Store, StoreError};

const PAGE: u32 = 500;

/// Bytes of data with which a page ends: an event may hold many points.
const PAGE_BYTES: usize = 4 << 20;

struct Row {
    id: i64,
    job: JobId,
    kind: EventKind,
    data: String,
    time: i64,
}

impl From<Row> for Event {
    fn from(row: Row) -> Self {
        Self { id: row.id, job: row.job, kind: row.kind, data: row.data.into(), time: row.time }
    }
}

/// Writes new events in their order and gives them their ids.
pub(super) async fn insert(conn: &mut SqliteConnection, events: &mut [Event]) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let row = |event: &Event| json!([event.job.0.simple().to_string(), event.kind, &*event.data, event.time]);
    let rows = json!(events.iter().map(row).collect::<Vec<_>>()).to_string();
    let inserted = query!(
        "INSERT INTO event (job_id, kind, data, time)
         SELECT unhex(value ->> 0), value ->> 1, value ->> 2, value ->> 3 FROM json_each(?) ORDER BY key",
        rows
    )
    .execute(conn)
    .await?;
    // One writer: the ids of one statement follow each other.
    let first = inserted.last_insert_rowid() - events.len() as i64 + 1;
    for (event, id) in events.iter_mut().zip(first..) {
        event.id = id;
    }
    Ok(())
}

/// Follows the events of one job or of all: first what is stored, then what comes, each once and in order.
pub struct Follower {
    store: Store,
    job: Option<JobId>,
    /// The last event that was handed out.
    after: i64,
    coming: broadcast::Receiver<Arc<[Event]>>,
    /// Whether events up to the live ones are still to be read from the database.
    behind: bool,
    ended: bool,
}

impl Follower {
    /// The next events, waiting for them; `None` behind a job's `end`.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, StoreError> {
        loop {
            if self.ended {
                return Ok(None);
            }
            let found = if self.behind { self.stored().await? } else { self.live().await? };
            if let Some(last) = found.last() {
                self.after = last.id;
                self.ended = self.job.is_some() && found.iter().any(|event| event.kind == EventKind::End);
                return Ok(Some(found));
            }
        }
    }

    /// The next page from the database. Those who come now wait in `coming`, so that none is lost between the two.
    async fn stored(&mut self) -> Result<Vec<Event>, StoreError> {
        let found = self.store.events(self.job, self.after, PAGE).await?;
        if found.is_empty() {
            self.behind = false;
            if let Some(job) = self.job {
                // A job whose end was handed out before, or that is not there any more, has nothing to wait for.
                self.ended = match self.store.job_status(job).await {
                    Ok(status) => {
                        status.terminal() && self.store.events(self.job, self.after, 1).await?.is_empty()
                    }
                    Err(StoreError::NotFound(_)) => true,
                    Err(error) => return Err(error),
                };
            }
        }
        Ok(found)
    }

    async fn live(&mut self) -> Result<Vec<Event>, StoreError> {
        match self.coming.recv().await {
            Ok(events) => Ok(events
                .iter()
                .filter(|event| event.id > self.after && self.job.is_none_or(|job| job == event.job))
                .cloned()
                .collect()),
            Err(broadcast::error::RecvError::Lagged(_)) => {
                self.behind = true;
                Ok(Vec::new())
            }
            Err(broadcast::error::RecvError::Closed) => {
                self.ended = true;
                Ok(Vec::new())
            }
        }
    }
}

impl Store {
    /// Stored events with greater ids, oldest first: as many as are asked for, or until their data fill a page.
    pub async fn events(&self, job: Option<JobId>, after: i64, limit: u32) -> Result<Vec<Event>, StoreError> {
        Ok(self.event_page(job, after, limit).await?.data)
    }

    /// The same, with the id to go on behind: none where there are no more yet.
    pub async fn event_page(
        &self,
        job: Option<JobId>,
        after: i64,
        limit: u32,
    ) -> Result<Page<Event, i64>, StoreError> {
        let mut rows = match job {
            Some(job) => query_as!(
                Row,
                r#"SELECT id AS "id!", job_id AS "job!: JobId", kind AS "kind!: EventKind", data AS "data!",
                              time AS "time!"
                       FROM event WHERE job_id = ? AND id > ? ORDER BY id LIMIT ?"#,
                job,
                after,
                limit
            )
            .fetch(self.readers()),
            None => query_as!(
                Row,
                r#"SELECT id AS "id!", job_id AS "job!: JobId", kind AS "kind!: EventKind", data AS "data!",
                              time AS "time!"
                       FROM event WHERE id > ? ORDER BY id LIMIT ?"#,
                after,
                limit
            )
            .fetch(self.readers()),
        };
        let (mut data, mut bytes) = (Vec::new(), 0);
        while data.len() < limit as usize
            && bytes < PAGE_BYTES
            && let Some(row) = rows.try_next().await?
        {
            bytes += row.data.len();
            data.push(Event::from(row));
        }
        let is_full = data.len() == limit as usize || bytes >= PAGE_BYTES;
        let next = data.last().filter(|_| is_full).map(|event| event.id);
        Ok(Page { data, next })
    }

    /// The greatest id that was given; 0 before the first.
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        let last = sqlx::query_scalar!(r#"SELECT coalesce(max(id), 0) AS "last!: i64" FROM event"#);
        Ok(last.fetch_one(self.readers()).await?)
    }

    /// Follows the events behind this id.
    pub fn follow(&self, job: Option<JobId>, after: i64) -> Follower {
        let coming = self.inner.told.subscribe();
        Follower { store: self.clone(), job, after, coming, behind: true, ended: false }
    }

    /// Events as they are committed, without what was before: for what only wants to be woken.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<[Event]>> {
        self.inner.told.subscribe()
    }

    async fn job_status(&self, job: JobId) -> Result<JobStatus, StoreError> {
        sqlx::query_scalar!(r#"SELECT status AS "status!: JobStatus" FROM job WHERE id = ?"#, job)
            .fetch_optional(self.readers())
            .await?
            .ok_or(StoreError::NotFound("job"))
    }
}

#[cfg(test)]
mod tests {
    use sqlx::ConnectOptions as _;
    use sqlx::sqlite::SqliteConnectOptions;
    use uuid::Uuid;

    use super::*;

    #[tokio::test]
    async fn a_page_ends_where_it_holds_much() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lyceum.db");
        let store = Store::open(&path).await.unwrap();
        let job = JobId(Uuid::from_u128(1));
        let event = |bytes: usize| {
            let data = json!("x".repeat(bytes)).to_string().into();
            Event { id: 0, job, kind: EventKind::Log, data, time: 0 }
        };
        let sizes = [PAGE_BYTES / 2, PAGE_BYTES, 1, 2 * PAGE_BYTES, 1];
        // Events without their job are enough here.
        let options = SqliteConnectOptions::new().filename(&path).foreign_keys(false);
        insert(&mut options.connect().await.unwrap(), &mut sizes.map(event)).await.unwrap();
        let (mut follower, mut after) = (store.follow(None, 0), 0);
        for (expected, goes_on) in [(2, true), (2, true), (1, false)] {
            let page = store.event_page(Some(job), after, 3).await.unwrap();
            assert_eq!((page.data.len(), page.next.is_some()), (expected, goes_on));
            assert_eq!(follower.next().await.unwrap(), Some(page.data));
            after = page.next.unwrap_or_default();
        }
        assert_eq!(store.events(None, 0, 1).await.unwrap().len(), 1);
    }
}
