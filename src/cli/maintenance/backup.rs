//! `lyceum backup`: all that a server keeps, in one file, while it runs.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use super::{Trouble, inspect};
use crate::cli::{Exit, say};
use crate::data::Dataset;
use crate::store::{Inspector, forget_files};
use crate::train::model::{DOCUMENT_FILE, WEIGHTS_FILE};

/// Write a backup of a data folder, while its server runs or not.
///
/// The file is a tar with a copy of the database and every file that it refers to: data sets, models, checkpoints,
/// artifacts. Every job that was accepted before the backup began is in it. `lyceum restore` makes a data folder of
/// it again.
#[derive(clap::Args)]
pub(crate) struct Backup {
    /// The file to write; it must not exist.
    file: PathBuf,
    /// The data folder.
    #[arg(long, env = "LYCEUM_DATA_DIR", default_value = "lyceum-data", value_name = "DIR")]
    data_dir: PathBuf,
}

impl Backup {
    pub(crate) fn run(self) -> Result<(), Exit> {
        super::run(self.write())
    }

    async fn write(self) -> Result<(), Trouble> {
        if self.file.exists() {
            return Err(Trouble::Refused(format!("{} exists already", self.file.display())));
        }
        let inspector = inspect(&self.data_dir).await?;
        let parent = self.file.parent().filter(|parent| !parent.as_os_str().is_empty());
        let parent = parent.unwrap_or(Path::new("."));
        let beside = tempfile::Builder::new().prefix(".lyceum-backup").tempdir_in(parent)?;
        let database = beside.path().join("lyceum.db");
        inspector.copy_to(&database).await?;
        // What the copy refers to is what is needed, whatever the server does by now.
        let copy = Inspector::open(&database).await?;
        let keys: BTreeSet<String> =
            copy.references().await?.into_iter().map(|reference| reference.key).collect();
        drop(copy);
        let unfinished = beside.path().join("backup.tar");
        let mut archive = tar::Builder::new(BufWriter::new(File::create_new(&unfinished)?));
        let missing = pack(&mut archive, &self.data_dir.join("artifacts"), &keys)?;
        forget_files(&database, &missing).await?;
        archive.append_path_with_name(&database, "lyceum.db")?;
        let mut file = archive.into_inner()?;
        file.flush()?;
        file.get_ref().sync_all()?;
        std::fs::rename(&unfinished, &self.file)?;
        File::open(parent)?.sync_all()?;
        for key in missing {
            say(format_args!("{key} was removed while the backup was written, and is not in it"));
        }
        Ok(())
    }
}

/// Some of a folder's files may be gone before they are seen. Those of a model or a data set that are there behind it were
/// there all the while.
fn still_whole(folder: &Path) -> io::Result<()> {
    let model = || [WEIGHTS_FILE, DOCUMENT_FILE].iter().all(|file| folder.join(file).is_file());
    if Dataset::stands_in(folder) || model() {
        return Ok(());
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "its files are being removed"))
}

/// Packs the files and answers the keys of those that are not there. Checkpoints go first, whose keys are the last in
/// their order: a run that goes on replaces them.
fn pack(
    archive: &mut tar::Builder<BufWriter<File>>,
    artifacts: &Path,
    keys: &BTreeSet<String>,
) -> io::Result<Vec<String>> {
    archive.follow_symlinks(false);
    let mut missing = Vec::new();
    for key in keys.iter().rev() {
        let (path, name) = (artifacts.join(key), format!("artifacts/{key}"));
        let packed = if path.is_dir() {
            archive.append_dir_all(&name, &path).and_then(|()| still_whole(&path))
        } else {
            archive.append_path_with_name(&path, &name)
        };
        match packed {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => missing.push(key.clone()),
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}
