//! A log that is appended to, and of which so many bytes are kept: the older half stands in a file beside it.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

pub(super) struct LogFile {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Most bytes of each of the two files.
    most: u64,
}

impl LogFile {
    /// Opens the log behind what it holds. A line that an earlier process did not finish stays one of its own.
    pub(super) fn open(path: &Path, kept: u64) -> io::Result<Self> {
        let mut file = open(path)?;
        let mut bytes = file.metadata()?.len();
        if bytes > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                file.write_all(b"\n")?;
                bytes += 1;
            }
        }
        Ok(Self { path: path.to_owned(), file, bytes, most: (kept / 2).max(1) })
    }

    pub(super) fn append(&mut self, lines: &[Vec<u8>]) -> io::Result<()> {
        let mut rest = lines;
        while !rest.is_empty() {
            let fits = self.fitting(rest);
            if fits == 0 {
                self.turn()?;
                continue;
            }
            let text = rest[..fits].concat();
            self.file.write_all(&text)?;
            self.bytes += text.len() as u64;
            rest = &rest[fits..];
        }
        Ok(())
    }

    /// How many of these lines the file takes. An empty one takes a line of any length.
    fn fitting(&self, lines: &[Vec<u8>]) -> usize {
        let mut bytes = self.bytes;
        let fits = |line: &&Vec<u8>| {
            bytes += line.len() as u64;
            bytes <= self.most
        };
        let fitting = lines.iter().take_while(fits).count();
        if self.bytes == 0 { fitting.max(1) } else { fitting }
    }

    /// Puts the file aside, in place of the one that was put aside before it, and begins another.
    fn turn(&mut self) -> io::Result<()> {
        self.sync()?;
        let mut older = self.path.clone().into_os_string();
        older.push(".1");
        fs::rename(&self.path, older)?;
        self.file = open(&self.path)?;
        self.bytes = 0;
        Ok(())
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}

/// For this user alone.
fn open(path: &Path) -> io::Result<File> {
    File::options().create(true).append(true).read(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_bytes_are_kept_and_no_line_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        fs::write(&path, "broken o").unwrap();
        let mut log = LogFile::open(&path, 40).unwrap();
        let lines = |from: u8, to: u8| -> Vec<Vec<u8>> {
            (from..to).map(|line| format!("line {line}\n").into_bytes()).collect()
        };
        log.append(&lines(0, 1)).unwrap();
        assert_eq!(read("log"), "broken o\nline 0\n");
        log.append(&lines(1, 6)).unwrap();
        assert_eq!((&*read("log.1"), &*read("log")), ("line 3\nline 4\n", "line 5\n"));
        drop(log);
        let long = vec![b'x'; 100];
        LogFile::open(&path, 40).unwrap().append(&[long.clone(), b"y\n".to_vec()]).unwrap();
        assert_eq!((read("log.1").len(), &*read("log")), (100, "y\n"), "a line of any length is taken");
    }
}
