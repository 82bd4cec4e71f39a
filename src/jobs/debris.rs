//! What a run leaves whose process died while it wrote: files that nobody was told of, and nobody will be.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use super::core::{Core, Live};
use super::leftovers::walk;
use super::{SCRATCH, SPOOL};
use crate::store::StoreError;

/// Why they could not be cleared away.
#[derive(Debug, thiserror::Error)]
enum ClearError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Removes them, once the process is gone and the run has ended: what is told of by then stays, and nothing can be told
/// of any more. What is left all the same goes with the files that nothing refers to.
pub(super) async fn clear(core: &Core, live: &Live) {
    if let Err(error) = try_to_clear(core, live).await {
        tracing::warn!(%error, run = %live.run, "what a run left unfinished could not be removed");
    }
}

async fn try_to_clear(core: &Core, live: &Live) -> Result<(), ClearError> {
    let kept = core.store.keys_of_run(live.run).await?;
    let path = |key: &str| core.folder.artifacts().join(key);
    let kept: HashSet<PathBuf> = kept.iter().map(|key| path(key)).collect();
    let roots = [path(&format!("runs/{}", live.run)), path(&format!("models/{}/{}", live.job, live.attempt))];
    let own = core.folder.run(live.run.0);
    let cleared = tokio::task::spawn_blocking(move || {
        for root in &roots {
            remove_but(root, &kept)?;
        }
        let gone = |removed: io::Result<()>| match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        };
        gone(std::fs::remove_dir_all(own.join(SCRATCH)))?;
        gone(std::fs::remove_file(own.join(SPOOL)))
    });
    Ok(cleared.await.map_err(io::Error::other)??)
}

/// Removes the files below a folder but those that are kept, or stand in a folder that is.
fn remove_but(root: &Path, kept: &HashSet<PathBuf>) -> io::Result<()> {
    if !root.exists() {
        return Ok(());
    }
    for (file, bytes) in walk(root)? {
        if !file.ancestors().take_while(|above| *above != root).any(|above| kept.contains(above)) {
            std::fs::remove_file(&file)?;
            tracing::info!(path = %file.display(), bytes, "a file that a run did not come to tell of is removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_stays() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("runs/1");
        for name in
            ["1/checkpoint-5.lyc", "1/checkpoint-6.lyc", "2/model/weights", "2/model/document", "2/other"]
        {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, name).unwrap();
        }
        let kept = HashSet::from([root.join("1/checkpoint-5.lyc"), root.join("2/model")]);
        remove_but(&root, &kept).unwrap();
        let mut left: Vec<_> = walk(&root).unwrap().into_iter().map(|(path, _)| path).collect();
        left.sort();
        let names = ["1/checkpoint-5.lyc", "2/model/document", "2/model/weights"];
        assert_eq!(left, names.map(|name| root.join(name)));
        remove_but(&folder.path().join("runs/2"), &kept).unwrap();
    }
}
