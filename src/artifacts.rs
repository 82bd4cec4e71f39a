//! Files by key: data sets, checkpoints, models, whatever a run makes. A local folder behind `object_store`, whose
//! writes are synced before they are told of.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt as _;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _};

/// What went wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("there is no file {0}")]
    NotFound(String),
    #[error("{0} is no key of a file")]
    Key(String),
    #[error("no space is left for files")]
    Full,
    #[error("a file could not be read or written: {0}")]
    Io(#[source] std::io::Error),
    #[error("the file store failed: {0}")]
    Store(#[source] object_store::Error),
}

impl From<std::io::Error> for ArtifactError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Io(error),
        }
    }
}

impl From<object_store::Error> for ArtifactError {
    fn from(error: object_store::Error) -> Self {
        if let object_store::Error::NotFound { path, .. } = &error {
            return Self::NotFound(path.clone());
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
        while let Some(error) = cause {
            let io = error.downcast_ref::<std::io::Error>().map(std::io::Error::kind);
            if matches!(io, Some(std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded)) {
                return Self::Full;
            }
            cause = error.source();
        }
        Self::Store(error)
    }
}

/// A file among the artifacts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub key: String,
    pub bytes: u64,
}

/// A cheap handle to all files.
#[derive(Clone)]
pub struct Artifacts {
    store: Arc<LocalFileSystem>,
    root: Arc<Path>,
}

impl Artifacts {
    /// Files under this folder, which is made where it is missing.
    pub fn open(root: &Path) -> Result<Self, ArtifactError> {
        std::fs::create_dir_all(root)?;
        let root = root.canonicalize()?;
        let store = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), root: root.into() })
    }

    /// Where the file of a key stands, or would stand, on this machine: for mapping it, and for giving it to a child.
    pub fn local_path(&self, key: &str) -> Result<PathBuf, ArtifactError> {
        let parsed = parse(key)?;
        Ok(parsed.parts().fold(self.root.to_path_buf(), |path, part| path.join(part.as_ref())))
    }

    /// Whether files can be written: what readiness asks.
    pub async fn ready(&self) -> Result<(), ArtifactError> {
        let root = self.root.clone();
        blocking(move || {
            let mut file = tempfile::tempfile_in(&*root)?;
            std::io::Write::write_all(&mut file, &[0; 4_096])?;
            file.sync_all()
        })
        .await
    }

    pub async fn put_bytes(&self, key: &str, bytes: Bytes) -> Result<(), ArtifactError> {
        self.store.put(&parse(key)?, bytes.into()).await?;
        Ok(())
    }

    /// Takes over a file, or a folder, of the same file system: it is synced and renamed, never copied. What stood
    /// under the key is replaced.
    pub async fn put_file(&self, key: &str, from: &Path) -> Result<(), ArtifactError> {
        let (to, from) = (self.local_path(key)?, from.to_path_buf());
        blocking(move || {
            sync_tree(&from)?;
            let parent = to.parent().unwrap_or(&to);
            let made = make_folders(parent)?;
            if from.is_dir() && to.exists() {
                std::fs::remove_dir_all(&to)?;
            }
            std::fs::rename(&from, &to)?;
            sync(parent)?;
            made.iter().try_for_each(|folder| sync(folder))
        })
        .await
    }

    pub async fn get(&self, key: &str) -> Result<Bytes, ArtifactError> {
        Ok(self.store.get(&parse(key)?).await?.bytes().await?)
    }

    pub async fn bytes_of(&self, key: &str) -> Result<u64, ArtifactError> {
        Ok(self.store.head(&parse(key)?).await?.size)
    }

    /// All files under a prefix, in the order of their keys.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Stored>, ArtifactError> {
        let found = self.store.list(Some(&parse(prefix)?));
        let mut found: Vec<Stored> = found
            .map_ok(|meta| Stored { key: meta.location.to_string(), bytes: meta.size })
            .try_collect()
            .await?;
        found.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// Deletes all files under a prefix, and a file of that very key; it may be gone already.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<(), ArtifactError> {
        let path = self.local_path(prefix)?;
        blocking(move || {
            let removed = match std::fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => std::fs::remove_dir_all(&path),
                Ok(_) => std::fs::remove_file(&path),
                Err(error) => Err(error),
            };
            match removed {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                other => other,
            }
        })
        .await
    }
}

fn parse(key: &str) -> Result<Key, ArtifactError> {
    let parsed = Key::parse(key).map_err(|_| ArtifactError::Key(key.to_owned()))?;
    if parsed.as_ref().is_empty() { Err(ArtifactError::Key(key.to_owned())) } else { Ok(parsed) }
}

async fn blocking(work: impl FnOnce() -> std::io::Result<()> + Send + 'static) -> Result<(), ArtifactError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(ArtifactError::Io(std::io::Error::other(error))),
    }
}

/// Makes the folders that are missing and names the ones whose entries changed, for syncing.
fn make_folders(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut changed = Vec::new();
    let mut missing = folder;
    while !missing.exists() {
        let Some(parent) = missing.parent() else { break };
        changed.push(parent.to_path_buf());
        missing = parent;
    }
    std::fs::create_dir_all(folder)?;
    Ok(changed)
}

fn sync(path: &Path) -> std::io::Result<()> {
    std::fs::File::open(path)?.sync_all()
}

/// Syncs a file, or a folder with all that it holds.
pub(crate) fn sync_tree(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            sync_tree(&entry?.path())?;
        }
    }
    sync(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_put_found_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(&folder.path().join("artifacts")).unwrap();
        artifacts.put_bytes("runs/a/1/artifacts/x.txt", Bytes::from_static(b"one")).await.unwrap();
        let upload = folder.path().join("upload");
        std::fs::write(&upload, b"three").unwrap();
        artifacts.put_file("runs/a/1/checkpoint-7.lyc", &upload).await.unwrap();
        assert!(!upload.exists());
        assert_eq!(
            std::fs::read(artifacts.local_path("runs/a/1/checkpoint-7.lyc").unwrap()).unwrap(),
            b"three"
        );
        assert_eq!(artifacts.get("runs/a/1/artifacts/x.txt").await.unwrap(), "one");
        let keys: Vec<String> =
            artifacts.list("runs/a").await.unwrap().into_iter().map(|stored| stored.key).collect();
        assert_eq!(keys, ["runs/a/1/artifacts/x.txt", "runs/a/1/checkpoint-7.lyc"]);
        artifacts.delete_prefix("runs/a").await.unwrap();
        artifacts.delete_prefix("runs/a").await.unwrap();
        assert!(artifacts.list("runs/a").await.unwrap().is_empty());
        assert!(matches!(artifacts.get("runs/a/1/artifacts/x.txt").await, Err(ArtifactError::NotFound(_))));
    }

    #[tokio::test]
    async fn a_folder_replaces_what_stood_there() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(&folder.path().join("artifacts")).unwrap();
        for text in ["old", "new"] {
            let built = folder.path().join("built");
            std::fs::create_dir_all(built.join("deep")).unwrap();
            std::fs::write(built.join("deep/rows"), text).unwrap();
            artifacts.put_file("datasets/abc", &built).await.unwrap();
        }
        assert_eq!(artifacts.get("datasets/abc/deep/rows").await.unwrap(), "new");
        assert_eq!(artifacts.bytes_of("datasets/abc/deep/rows").await.unwrap(), 3);
    }

    #[test]
    fn no_key_leads_outside() {
        let folder = tempfile::tempdir().unwrap();
        let artifacts = Artifacts::open(folder.path()).unwrap();
        for key in ["", "..", "a/../../b", "a//b", "."] {
            assert!(matches!(artifacts.local_path(key), Err(ArtifactError::Key(_))), "{key}");
        }
    }
}
