//! The data sets that ship with the program: there on first start, without an upload.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use uuid::Uuid;

use super::import::{ImportError, Importer, Upload};
use crate::data::{Format, Hints};
use crate::store::{Created, Store};

/// A server that starts has better things to do at first.
const AFTER_START: Duration = Duration::from_millis(200);

/// The data sets that may still be on their way.
pub(crate) struct Shipped {
    done: HashMap<String, watch::Receiver<bool>>,
}

impl Shipped {
    /// Begins to import, in the background, what stands in the folder and is no data set yet.
    pub(crate) fn import(folder: Option<&Path>, store: &Store, importer: &Arc<Importer>) -> Self {
        let mut done = HashMap::new();
        for (name, path) in folder.map(found).unwrap_or_default() {
            let (tell, told) = watch::channel(false);
            done.insert(name.clone(), told);
            let (store, importer) = (store.clone(), importer.clone());
            tokio::spawn(async move {
                tokio::time::sleep(AFTER_START).await;
                match import_one(&name, &path, &store, &importer).await {
                    Ok(()) => {}
                    Err(error) => {
                        tracing::error!(%error, name, "a data set that ships could not be imported");
                    }
                }
                tell.send_replace(true);
            });
        }
        Self { done }
    }

    /// Waits until all of them are there.
    pub(crate) async fn wait(&self) {
        for name in self.done.keys() {
            self.wait_for(name).await;
        }
    }

    /// Waits until the data set of that name is there, if it is on its way.
    pub(crate) async fn wait_for(&self, name: &str) {
        if let Some(done) = self.done.get(name) {
            // An error is a task that broke off; then it is not on its way any more.
            let _ = done.clone().wait_for(|done| *done).await;
        }
    }
}

/// Each folder with files is a data set of its name.
fn found(folder: &Path) -> Vec<(String, PathBuf)> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let folders = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| path.is_dir());
    let mut found: Vec<_> = folders
        .filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path)))
        .filter(|(name, _)| crate::spec::Name::new(name).is_some())
        .collect();
    found.sort();
    found
}

async fn import_one(name: &str, path: &Path, store: &Store, importer: &Importer) -> Result<(), ImportError> {
    // Once in the life of a data folder, so that one which was deleted on purpose does not come back.
    let list = importer.shipped_list();
    let before = std::fs::read_to_string(&list).unwrap_or_default();
    if before.lines().any(|known| known == name)
        || store.dataset_names().await?.iter().any(|known| known == name)
    {
        return Ok(());
    }
    let (format, source, packed) = source_of(path, &importer.uploads())?;
    let upload = Upload {
        name: name.to_owned(),
        format,
        hints: Hints::default(),
        source: source.clone(),
        sha256: None,
        idempotency: None,
    };
    let read = importer.import(upload).await;
    if packed {
        let _ = std::fs::remove_file(&source);
    }
    if let Created::Now(put) = read? {
        tracing::info!(name, examples = put.version.schema.examples, "a data set that ships is there");
    }
    writeln!(super::process::append(&list)?, "{name}")?;
    Ok(())
}

/// The file to read: the one table, or the IDX files packed into one archive, always the same way.
fn source_of(path: &Path, scratch: &Path) -> std::io::Result<(Format, PathBuf, bool)> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    let ends = |file: &PathBuf, end: &str| file.extension().is_some_and(|extension| extension == end);
    if let Some(table) = files.iter().find(|file| ends(file, "csv")) {
        return Ok((Format::Csv, table.clone(), false));
    }
    let packed = scratch.join(format!("shipped-{}.tar", Uuid::now_v7()));
    let mut archive = tar::Builder::new(File::create(&packed)?);
    archive.mode(tar::HeaderMode::Deterministic);
    for file in files.iter().filter(|file| file.to_string_lossy().contains("-ubyte")) {
        if let Some(name) = file.file_name() {
            archive.append_path_with_name(file, name)?;
        }
    }
    archive.into_inner()?.sync_data()?;
    Ok((Format::Idx, packed, true))
}
