//! An upload on its way to the disk: written and hashed beside the network, counted as it comes, and removed again
//! unless somebody keeps it.

use std::io::Write;
use std::path::Path;

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::body::Incoming;
use super::problem::Problem;
use crate::artifacts::ArtifactError;
use crate::data::Arrival;
use crate::jobs::ImportError;

/// An upload that stands on disk.
pub(crate) struct Upload {
    /// Removed when it is dropped.
    pub(crate) file: NamedTempFile,
    pub(crate) bytes: u64,
    /// In lower-case hexadecimal digits.
    pub(crate) sha256: String,
}

/// Streams a body into a file of `folder`. Each piece is looked at as it comes, so that what cannot become a data set
/// does not fill the disk first.
pub(crate) async fn receive(
    mut incoming: Incoming,
    folder: &Path,
    mut arrival: Arrival,
) -> Result<Upload, Problem> {
    let folder = folder.to_owned();
    // A few pieces of some 100 kB wait at most: a fast client is slowed to the disk's pace.
    let (pieces, waiting) = mpsc::channel::<Bytes>(8);
    let writer = tokio::task::spawn_blocking(move || write(&folder, waiting));
    let received = async {
        while let Some(piece) = incoming.next().await? {
            if let Err(refused) = arrival.look(&piece) {
                incoming.throw_away().await;
                return Err(ImportError::Refused(refused).into());
            }
            if pieces.send(piece).await.is_err() {
                break;
            }
        }
        Ok::<(), Problem>(())
    }
    .await;
    drop(pieces);
    let written = writer.await.map_err(Problem::internal)?;
    received?;
    match written {
        Ok(upload) => Ok(upload),
        Err(error) => {
            incoming.throw_away().await;
            Err(ArtifactError::from(error).into())
        }
    }
}

fn write(folder: &Path, mut waiting: mpsc::Receiver<Bytes>) -> std::io::Result<Upload> {
    let mut file = NamedTempFile::new_in(folder)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    while let Some(piece) = waiting.blocking_recv() {
        file.write_all(&piece)?;
        hash.update(&piece);
        bytes += piece.len() as u64;
    }
    file.flush()?;
    let sha256 = format!("{:x}", hash.finalize());
    Ok(Upload { file, bytes, sha256 })
}
