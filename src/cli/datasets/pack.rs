//! A folder of IDX files as one archive, made while it is sent. The same files make the same archive.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use futures::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Bytes of a piece.
const PIECE: usize = 1 << 18;

/// The IDX files of a folder; every file of it where none has the name of one.
pub(super) fn idx_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if path.is_file() && !hidden {
            files.push(path);
        }
    }
    files.sort();
    let named: Vec<PathBuf> = files.iter().filter(|file| is_named_as_idx(file)).cloned().collect();
    Ok(if named.is_empty() { files } else { named })
}

fn is_named_as_idx(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    name.contains("ubyte") || name.contains("idx")
}

/// The archive, piece by piece.
pub(super) fn archive(files: Vec<PathBuf>) -> impl Stream<Item = io::Result<Bytes>> {
    let (pieces, waiting) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(&files, &pieces) {
            // Nobody is left to be told where the receiver is gone.
            let _ = pieces.blocking_send(Err(error));
        }
    });
    ReceiverStream::new(waiting)
}

fn write(files: &[PathBuf], pieces: &mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> {
    let out = io::BufWriter::with_capacity(PIECE, Pieces(pieces));
    let mut archive = tar::Builder::new(out);
    archive.mode(tar::HeaderMode::Deterministic);
    for file in files {
        if let Some(name) = file.file_name() {
            archive.append_path_with_name(file, name)?;
        }
    }
    archive.into_inner()?.flush()
}

/// A writer to whoever sends.
struct Pieces<'a>(&'a mpsc::Sender<io::Result<Bytes>>);

impl Write for Pieces<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
