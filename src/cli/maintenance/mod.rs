//! Looking after a data folder: backups, checks, and clearing away what nothing refers to.

mod backup;
mod doctor;
mod gc;
mod restore;

use std::path::Path;

pub(super) use backup::Backup;
pub(super) use doctor::Doctor;
pub(super) use gc::Gc;
pub(super) use restore::Restore;

use super::{Exit, say};
use crate::store::{Inspector, StoreError};

/// What goes wrong in these commands, in one line.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{0} is no data folder: it has no lyceum.db")]
    NoFolder(String),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Look(#[from] crate::jobs::LookError),
    #[error("{0}")]
    Artifact(#[from] crate::artifacts::ArtifactError),
}

/// Runs a command to its end, off any server.
fn run(work: impl Future<Output = Result<(), Trouble>>) -> Result<(), Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let done = runtime.map_err(Trouble::Io).and_then(|runtime| runtime.block_on(work));
    done.map_err(|trouble| {
        say(&trouble);
        match trouble {
            Trouble::NoFolder(_) | Trouble::Refused(_) => Exit::Refused,
            _ => Exit::Failed,
        }
    })
}

/// The database of a data folder, to be read.
async fn inspect(folder: &Path) -> Result<Inspector, Trouble> {
    let database = folder.join("lyceum.db");
    if !database.exists() {
        return Err(Trouble::NoFolder(folder.display().to_string()));
    }
    let inspector = Inspector::open(&database).await?;
    // What a later program keeps there is not known, and may not be judged or copied by halves.
    if inspector.version().await?.is_newer() {
        return Err(StoreError::Newer.into());
    }
    Ok(inspector)
}
