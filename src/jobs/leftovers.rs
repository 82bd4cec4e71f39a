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
        remove(&self.path)
    }
}

/// Removes a file, or a folder with all that it holds. Somebody else may have done so.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
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
    // What stands there first: what somebody tells of in between is then referred to.
    let (root, data) = (folder.join("artifacts"), folder.to_owned());
    let artifacts = root.clone();
    let (files, folders) = off_thread(move || Ok((walk(&artifacts)?, run_folders(&data)?))).await?;
    let referred = inspector.references().await?.into_iter().map(|reference| root.join(reference.key));
    let known = Known {
        referred: referred.collect(),
        unfinished: inspector.unfinished().await?,
        runs: inspector.runs().await?,
        root,
    };
    Ok(off_thread(move || known.left(files, folders, age)).await?)
}

/// What the database knows of.
struct Known {
    /// Where artifacts stand.
    root: PathBuf,
    /// Artifacts, or folders of them.
    referred: HashSet<PathBuf>,
    /// Jobs and runs.
    unfinished: HashSet<Uuid>,
    runs: HashSet<RunId>,
}

impl Known {
    /// The files and the folders of runs that it does not know of, and that have been left alone for so long.
    fn left(
        &self,
        files: Vec<(PathBuf, u64)>,
        folders: Vec<(RunId, PathBuf)>,
        age: Duration,
    ) -> io::Result<Vec<Orphan>> {
        let files = files.into_iter().map(|(path, _)| path).filter(|path| !self.knows(path));
        let folders = folders.into_iter().filter(|(run, _)| !self.runs.contains(run)).map(|(_, path)| path);
        let mut found = Vec::new();
        for path in files.chain(folders) {
            found.extend(old(path, age)?);
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }

    fn knows(&self, file: &Path) -> bool {
        let mut above = file.ancestors().take_while(|parent| *parent != self.root);
        above.any(|parent| {
            self.referred.contains(parent) || id(parent).is_some_and(|id| self.unfinished.contains(&id))
        })
    }
}

/// Looks through folders, and removes, where that holds nobody up.
pub(super) async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

/// The folders of runs in a data folder.
pub(super) fn run_folders(data: &Path) -> io::Result<Vec<(RunId, PathBuf)>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(data.join("runs"))? {
        let path = entry?.path();
        found.extend(id(&path).map(|run| (RunId(run), path)));
    }
    Ok(found)
}

/// The id that a file or a folder is named by.
fn id(path: &Path) -> Option<Uuid> {
    Uuid::parse_str(path.file_name()?.to_str()?).ok()
}

/// Every file below a folder, and its bytes. What goes meanwhile is not there.
pub(super) fn walk(root: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && folder != root => continue,
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
fn old(path: PathBuf, age: Duration) -> io::Result<Option<Orphan>> {
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    let touched = metadata.modified()?;
    let left_alone = touched.elapsed().is_ok_and(|since| since >= age);
    Ok(left_alone.then_some(Orphan { path, bytes: metadata.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_meanwhile_is_no_failure() {
        let folder = tempfile::tempdir().unwrap();
        let (file, gone) = (folder.path().join("file"), folder.path().join("gone"));
        std::fs::write(&file, "x").unwrap();
        std::fs::create_dir(&gone).unwrap();
        std::fs::write(gone.join("log"), "x").unwrap();
        assert_eq!(walk(folder.path()).unwrap().len(), 2);
        for path in [&file, &gone, &file, &gone] {
            remove(path).unwrap();
            assert!(!path.exists() && old(path.clone(), Duration::ZERO).unwrap().is_none());
        }
        assert!(walk(&gone).is_err(), "what is looked through must be there");
    }

    #[test]
    fn what_is_known_is_no_orphan() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("artifacts");
        let [run, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let names = ["models/told/weights".to_owned(), format!("runs/{run}/unfinished"), "left".to_owned()];
        let runs = [run, other].map(|run| folder.path().join(format!("runs/{run}")));
        for path in names.iter().map(|name| root.join(name)).chain(runs.iter().map(|run| run.join("log"))) {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let known = Known {
            referred: HashSet::from([root.join("models/told")]),
            unfinished: HashSet::from([run]),
            runs: HashSet::from([RunId(run)]),
            root: root.clone(),
        };
        let left = |age| {
            let files = walk(&root).unwrap();
            let left = known.left(files, run_folders(folder.path()).unwrap(), age).unwrap();
            left.into_iter().map(|orphan| orphan.path).collect::<Vec<_>>()
        };
        assert_eq!(left(Duration::ZERO), [root.join("left"), runs[1].clone()]);
        assert!(left(Duration::from_hours(1)).is_empty());
    }
}
