//! `lyceum doctor`: whether a data folder is sound.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Trouble, inspect};
use crate::cli::Exit;
use crate::data::sha256;
use crate::jobs::{DataFolder, FolderError, orphans};
use crate::store::{Inspector, Reference};

/// Check a data folder: its database, that every file it refers to is there and whole, and what is left over.
///
/// Changes nothing, and may be called while the server runs. Exits with 1 where something is wrong.
#[derive(clap::Args)]
pub(crate) struct Doctor {
    /// The data folder.
    #[arg(long, env = "LYCEUM_DATA_DIR", default_value = "lyceum-data", value_name = "DIR")]
    data_dir: PathBuf,
}

impl Doctor {
    pub(crate) fn run(self) -> Result<(), Exit> {
        let mut wrong = 0;
        super::run(self.examine(&mut wrong))?;
        if wrong == 0 { Ok(()) } else { Err(Exit::Failed) }
    }

    async fn examine(self, wrong: &mut usize) -> Result<(), Trouble> {
        let folder = &self.data_dir;
        let inspector = inspect(folder).await?;
        let mut out = io::stdout();
        writeln!(out, "folder     {}", in_use(folder))?;
        writeln!(out, "schema     {}", inspector.version().await?)?;
        let mut mistakes = inspector.check().await?;
        writeln!(out, "database   {}", if mistakes.is_empty() { "sound" } else { "damaged" })?;
        let references = inspector.references().await?;
        let broken = broken_files(&inspector, &references, &folder.join("artifacts")).await?;
        writeln!(
            out,
            "files      {} referred to, {} of them missing or damaged",
            references.len(),
            broken.len()
        )?;
        mistakes.extend(broken);
        let left = orphans(&inspector, folder, Duration::from_hours(24)).await?;
        let bytes: u64 = left.iter().map(|orphan| orphan.bytes).sum();
        writeln!(out, "left over  {} files, {bytes} bytes (lyceum gc lists and removes them)", left.len())?;
        for mistake in &mistakes {
            writeln!(out, "wrong      {mistake}")?;
        }
        *wrong = mistakes.len();
        Ok(())
    }
}

/// Whether a server holds the folder. Taking its lock for a moment is the only way to know.
fn in_use(folder: &Path) -> String {
    match DataFolder::open(folder) {
        Ok(_) => "no server uses it".into(),
        Err(FolderError::InUse(_)) => "a server uses it".into(),
        Err(error) => error.to_string(),
    }
}

/// Files that are missing or not what was written.
async fn broken_files(
    inspector: &Inspector,
    references: &[Reference],
    root: &Path,
) -> Result<Vec<String>, Trouble> {
    let mut broken = Vec::new();
    for reference in references {
        let found = match &reference.checksum {
            _ if !root.join(&reference.key).exists() => Err("is missing".to_owned()),
            None => Ok(()),
            Some((file, expected)) => {
                match File::open(root.join(file)).and_then(|mut file| sha256(&mut file)) {
                    Ok(found) if found.0 == *expected => Ok(()),
                    Ok(_) => Err("is not what was written".to_owned()),
                    Err(error) => Err(format!("cannot be read: {error}")),
                }
            }
        };
        if let Err(why) = found {
            broken.push((reference, why));
        }
    }
    if broken.is_empty() {
        return Ok(Vec::new());
    }
    // A server at work forgets checkpoints; what it no longer refers to is nobody's loss.
    let still = inspector.references().await?;
    let lost = broken.into_iter().filter(|(reference, _)| still.contains(reference));
    Ok(lost.map(|(reference, why)| format!("{} ({}) {why}", reference.what, reference.key)).collect())
}
