//! Data sets that are open, and what their names mean now.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::artifacts::{ArtifactError, Artifacts};
use crate::data::{DataError, Dataset};
use crate::store::{Store, StoreError};

/// Data sets that stay open; an open one costs an address range and a file.
const OPEN: usize = 64;

/// Why a data set cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    #[error("there is no such data set")]
    Unknown,
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    #[error(transparent)]
    Data(#[from] DataError),
}

impl From<StoreError> for DatasetError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(_) => Self::Unknown,
            error => Self::Store(error),
        }
    }
}

#[derive(Default)]
struct State {
    /// What a name means without a version.
    latest: HashMap<String, u32>,
    /// How often a name came to mean something else.
    changes: u64,
    open: HashMap<(String, u32), Arc<Dataset>>,
    /// Used longest ago first.
    order: VecDeque<(String, u32)>,
}

/// Opens data sets, and keeps the last ones open.
pub(crate) struct Datasets {
    store: Store,
    artifacts: Artifacts,
    state: Mutex<State>,
}

impl Datasets {
    pub(crate) fn new(store: Store, artifacts: Artifacts) -> Self {
        Self { store, artifacts, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The version of that number, the latest where none is named.
    pub(crate) async fn open(&self, name: &str, version: Option<u32>) -> Result<Arc<Dataset>, DatasetError> {
        let changes = {
            let mut state = self.state();
            if let Some(found) = state.find(name, version) {
                return Ok(found);
            }
            state.changes
        };
        let found = self.store.dataset(name, version).await?;
        let number = found.schema.version;
        let path = self.artifacts.local_path(&found.key)?;
        let opened = {
            let name = name.to_owned();
            tokio::task::spawn_blocking(move || Dataset::open_as(&path, &name, number)).await
        };
        let opened = opened.map_err(|error| DataError::Io(std::io::Error::other(error)))??;
        let mut state = self.state();
        // What was read before a change may be old by now, and is not remembered.
        if version.is_none() && state.changes == changes {
            state.latest.insert(name.to_owned(), number);
        }
        state.keep((name.to_owned(), number), opened.clone());
        Ok(opened)
    }

    /// Forgets what the name means, because it has another version now or one less.
    pub(crate) fn changed(&self, name: &str) {
        let mut state = self.state();
        state.changes += 1;
        state.latest.remove(name);
        state.open.retain(|(open, _), _| open != name);
        state.order.retain(|(open, _)| open != name);
    }
}

impl State {
    fn find(&mut self, name: &str, version: Option<u32>) -> Option<Arc<Dataset>> {
        let version = version.or_else(|| self.latest.get(name).copied())?;
        self.open.get(&(name.to_owned(), version)).cloned()
    }

    fn keep(&mut self, key: (String, u32), dataset: Arc<Dataset>) {
        self.order.retain(|other| *other != key);
        self.order.push_back(key.clone());
        self.open.insert(key, dataset);
        while self.order.len() > OPEN {
            if let Some(oldest) = self.order.pop_front() {
                self.open.remove(&oldest);
            }
        }
    }
}
