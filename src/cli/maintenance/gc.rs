//! `lyceum gc`: clears away files that nothing refers to.

use std::collections::HashSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use uuid::Uuid;

use super::{Trouble, inspect};
use crate::cli::Exit;
use crate::store::{Inspector, RunId};

/// Find files in a data folder that nothing refers to, and remove them with --delete.
///
/// Such files are left where a process is killed between writing a file and telling of it. What is younger than
/// --older-than is left alone, since somebody may be about to tell of it; so this may be called while the server
/// runs.
#[derive(clap::Args)]
pub(crate) struct Gc {
    /// The data folder.
    #[arg(long, env = "LYCEUM_DATA_DIR", default_value = "lyceum-data", value_name = "DIR")]
    data_dir: PathBuf,
    /// Remove what is found instead of listing it.
    #[arg(long)]
    delete: bool,
    /// Seconds that a file must have been left alone.
    #[arg(long, default_value_t = 86_400, value_name = "SECONDS")]
    older_than: u64,
}

/// A file, or a folder of a run's, that nothing refers to.
pub(super) struct Orphan {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
}

impl Gc {
    pub(crate) fn run(self) -> Result<(), Exit> {
        super::run(self.clear())
    }

    async fn clear(self) -> Result<(), Trouble> {
        let inspector = inspect(&self.data_dir).await?;
        let found = orphans(&inspector, &self.data_dir, Duration::from_secs(self.older_than)).await?;
        let mut out = std::io::stdout();
        let bytes: u64 = found.iter().map(|orphan| orphan.bytes).sum();
        for orphan in &found {
            writeln!(out, "{:>12}  {}", orphan.bytes, orphan.path.display())?;
            if self.delete {
                remove(&orphan.path)?;
            }
        }
        let done = if self.delete { "removed" } else { "found; --delete removes them" };
        writeln!(out, "{} files, {bytes} bytes {done}", found.len())?;
        Ok(())
    }
}

/// What nothing refers to, and has not been touched for so long.
pub(super) async fn orphans(
    inspector: &Inspector,
    folder: &Path,
    age: Duration,
) -> Result<Vec<Orphan>, Trouble> {
    // The files first: what somebody tells of in between is then referred to.
    let root = folder.join("artifacts");
    let mut files = Vec::new();
    walk(&root, &mut files)?;
    let referred: HashSet<PathBuf> =
        inspector.references().await?.into_iter().map(|reference| root.join(reference.key)).collect();
    let runs: HashSet<Uuid> = inspector.runs().await?.into_iter().map(|RunId(run)| run).collect();
    let mut found = Vec::new();
    for path in files {
        let known =
            path.ancestors().take_while(|parent| *parent != root).any(|parent| referred.contains(parent));
        if !known && let Some(orphan) = old(&path, age)? {
            found.push(orphan);
        }
    }
    for entry in std::fs::read_dir(folder.join("runs"))? {
        let path = entry?.path();
        let run = path.file_name().and_then(|name| name.to_str()).and_then(|name| Uuid::parse_str(name).ok());
        if run.is_some_and(|run| !runs.contains(&run)) {
            found.extend(old(&path, age)?);
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// Every file below a folder.
fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

/// The file, if it is there and has been left alone for long enough.
fn old(path: &Path, age: Duration) -> std::io::Result<Option<Orphan>> {
    let metadata = match path.symlink_metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    let touched = metadata.modified()?;
    let left_alone = touched.elapsed().is_ok_and(|since| since >= age);
    Ok(left_alone.then(|| Orphan { path: path.to_owned(), bytes: metadata.len() }))
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) }
}
