//! Uploads of IDX files: as they are, and the members of a tar in every wrapping that they may come in.

use std::io::Read as _;

use lyceum::data::{Dataset, Format, ImportError, examples, image_png};

use super::Check;
use super::session::scratch;
use super::sets::read;
use crate::support::idx;

const BLOCK: usize = 512;

pub(super) fn open() -> Check {
    Box::new(|bytes| {
        hold(Format::Idx, bytes);
        let mut bytes = bytes.to_vec();
        mend(&mut bytes);
        hold(Format::Idx, &bytes);
        let members = members(&bytes);
        if !members.is_empty() {
            let zip = idx::zip(&members);
            for wrapped in
                [idx::tar(&members), idx::gzip(&idx::tar(&members)), idx::tar(&idx::gzipped(&members)), zip]
            {
                hold(Format::Idx, &wrapped);
            }
        }
    })
}

/// Gives every header of a tar the checksum that it needs to be read at all.
fn mend(bytes: &mut [u8]) {
    for block in bytes.chunks_exact_mut(BLOCK).filter(|block| block[257..262] == *b"ustar") {
        let sum: u32 =
            block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]).map(|byte| u32::from(*byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

/// The plain files of a tar, as far as it can be read, under names that can be written.
fn members(bytes: &[u8]) -> idx::Files {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map_while(Result::ok);
    let mut files = idx::Files::new();
    for mut entry in entries.take(8) {
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        let mut content = Vec::new();
        if entry.read_to_end(&mut content).is_ok() && plain && !name.is_empty() && !name.starts_with('.') {
            files.retain(|(known, _)| *known != name);
            files.push((name, content));
        }
    }
    files
}

/// An upload is refused with its reason, or becomes a set that can be read whole, and always the same one.
pub(super) fn hold(format: Format, upload: &[u8]) {
    let folder = scratch();
    let (first, second) = (folder.path().join("first"), folder.path().join("second"));
    let schema = match read(format, upload, &first) {
        Ok(schema) => schema,
        Err(ImportError::Disk(error)) => panic!("told as a failure of the disk: {error}"),
        Err(ImportError::Refused(refusal)) => {
            assert!(!refusal.detail.is_empty() && refusal.detail.len() < 2_000, "{refusal:?}");
            let named = refusal.line.is_none_or(|line| refusal.detail.starts_with(&format!("line {line}: ")));
            assert!(named || refusal.member.is_some(), "{refusal:?}");
            return;
        }
    };
    assert!(read(format, upload, &second).is_ok_and(|again| again == schema));
    let cells = |folder: &std::path::Path| std::fs::read(folder.join("cells.bin")).unwrap();
    assert_eq!(cells(&first), cells(&second));
    let dataset = Dataset::open(&first).unwrap();
    assert_eq!(*dataset.schema(), schema);
    assert_eq!(dataset.rows() as u64, schema.examples);
    for (split, count) in &schema.splits {
        let rows = examples(&dataset, split, 0, 64, u64::MAX, &|column, row| format!("{column}/{row}"));
        let rows = rows.unwrap().unwrap();
        assert_eq!(rows.len() as u64, (*count).min(64));
        serde_json::to_vec(&rows).unwrap();
    }
    for column in &schema.columns {
        image_png(&dataset, &column.name, 0);
    }
}
