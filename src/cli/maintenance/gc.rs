//! `lyceum gc`: clears away files that nothing refers to.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use super::{Trouble, inspect};
use crate::cli::Exit;
use crate::jobs::orphans;

/// Find files in a data folder that nothing refers to, and remove them with --delete.
///
/// Such files are left where a process is killed between writing a file and telling of it. What is younger than
/// --older-than is left alone, since somebody may be about to tell of it, and so is what belongs to a run that has not
/// ended; so this may be called while the server runs. The server does the same by itself once in a while.
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
                orphan.remove()?;
            }
        }
        let done = if self.delete { "removed" } else { "found; --delete removes them" };
        writeln!(out, "{} files, {bytes} bytes {done}", found.len())?;
        Ok(())
    }
}
