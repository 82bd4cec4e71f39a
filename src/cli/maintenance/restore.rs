//! `lyceum restore`: a data folder out of a backup.

use std::fs::File;
use std::io::BufReader;
use std::path::{Component, Path, PathBuf};

use super::{Trouble, inspect};
use crate::artifacts::sync_tree;
use crate::cli::Exit;
use crate::store::forget_processes;

/// Make a data folder of a backup.
///
/// A server started on it goes on with every job that was accepted before the backup: one that was running goes on
/// from its newest checkpoint in the backup.
#[derive(clap::Args)]
pub(crate) struct Restore {
    /// The backup.
    file: PathBuf,
    /// The folder to make; it must not exist, or be empty.
    #[arg(long, env = "LYCEUM_DATA_DIR", default_value = "lyceum-data", value_name = "DIR")]
    data_dir: PathBuf,
}

impl Restore {
    pub(crate) fn run(self) -> Result<(), Exit> {
        super::run(self.write())
    }

    async fn write(self) -> Result<(), Trouble> {
        let to = &self.data_dir;
        if std::fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Trouble::Refused(format!("{} exists and is not empty", to.display())));
        }
        let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent)?;
        // Beside it, so that what is half unpacked is never taken for a data folder.
        let beside = tempfile::Builder::new().prefix(".lyceum-restore").tempdir_in(parent)?;
        unpack(&self.file, beside.path())?;
        drop(inspect(beside.path()).await?);
        forget_processes(&beside.path().join("lyceum.db")).await?;
        sync_tree(beside.path())?;
        if to.exists() {
            std::fs::remove_dir(to)?;
        }
        std::fs::rename(beside.keep(), to)?;
        File::open(parent)?.sync_all()?;
        Ok(())
    }
}

/// Unpacks the database and the artifacts, and nothing that would stand elsewhere.
fn unpack(file: &Path, to: &Path) -> Result<(), Trouble> {
    let mut archive = tar::Archive::new(BufReader::new(File::open(file)?));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let kind = entry.header().entry_type();
        let known = path == Path::new("lyceum.db") || path.starts_with("artifacts");
        let within = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !known || !within || !(kind.is_file() || kind.is_dir()) {
            return Err(Trouble::Refused(format!("this is no backup: it holds {}", path.display())));
        }
        entry.unpack_in(to)?;
    }
    Ok(())
}
