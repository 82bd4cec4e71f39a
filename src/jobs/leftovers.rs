//! Files in a data folder that nothing refers to: they are left where a process is killed between writing a file and
//! telling of it. What is young is left alone, since somebody may be about to tell of it, and so is what belongs to a
//! run that has not ended.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use crate::store::{Inspector, RunId, StoreError};

/// A file, or a folder of a run's, that nothing refers to.
#[derive(Debug)]
pub struct Orphan {
    pub path: PathBuf,
    pub bytes: u64,
}

impl Orphan {
    pub fn remove(&self) -> io::Result<()> {
        if self.path.is_dir() {
            std::fs::remove_dir_all(&self.path)
        } else {
            std::fs::remove_file(&self.path)
        }
    }
}

/// Why they could not be looked for.
#[derive(Debug, thiserror::Error)]
pub enum LookError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the data folder cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// What nothing refers to, and has not been touched for so long.
pub async fn orphans(inspector: &Inspector, folder: &Path, age: Duration) -> Result<Vec<Orphan>, LookError> {
    // The files first: what somebody tells of in between is then referred to.
    let root = folder.join("artifacts");
    let files = walk(&root)?;
    let referred: HashSet<PathBuf> =
        inspector.references().await?.into_iter().map(|reference| root.join(reference.key)).collect();
    let unfinished = inspector.unfinished().await?;
    let runs: HashSet<Uuid> = inspector.runs().await?.into_iter().map(|RunId(run)| run).collect();
    let mut found = Vec::new();
    for (path, _) in files {
        let mut above = path.ancestors().take_while(|parent| *parent != root);
        let known = above
            .any(|parent| referred.contains(parent) || id(parent).is_some_and(|id| unfinished.contains(&id)));
        if !known && let Some(orphan) = old(&path, age)? {
            found.push(orphan);
        }
    }
    for entry in std::fs::read_dir(folder.join("runs"))? {
        let path = entry?.path();
        if id(&path).is_some_and(|run| !runs.contains(&run)) {
            found.extend(old(&path, age)?);
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The id that a file or a folder is named by.
pub(super) fn id(path: &Path) -> Option<Uuid> {
    Uuid::parse_str(path.file_name()?.to_str()?).ok()
}

/// Every file below a folder, and its bytes. What goes meanwhile is not there.
pub(super) fn walk(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !files.is_empty() => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(found) if found.is_dir() => folders.push(entry.path()),
                Ok(found) => files.push((entry.path(), found.len())),
            }
        }
    }
    Ok(files)
}

/// The file, if it is there and has been left alone for long enough.
fn old(path: &Path, age: Duration) -> io::Result<Option<Orphan>> {
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    let touched = metadata.modified()?;
    let left_alone = touched.elapsed().is_ok_and(|since| since >= age);
    Ok(left_alone.then(|| Orphan { path: path.to_owned(), bytes: metadata.len() }))
}
