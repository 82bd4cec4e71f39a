//! From an upload to the canonical form. Uploads are hostile: this runs in a child process under limits.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::formats;
use super::hints::Hints;
use crate::spec::dataset::DatasetSchema;

/// Raised when a reader makes something else of the same bytes, so that a version is never confused with an older
/// reading of it.
const READER_VERSION: u32 = 1;

crate::choices! {
    /// The formats that can be uploaded.
    pub enum Format {
        Csv = "csv",
        Idx = "idx",
        Images = "images",
        Jsonl = "jsonl",
        Npz = "npz",
    }
}

/// What an upload may take; beyond it the answer is 413.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportLimits {
    /// Members of an archive.
    pub members: u64,
    /// How many times its own size an archive may unfold to.
    pub expansion: u64,
    /// Bytes that an archive may unfold to.
    pub unpacked_bytes: u64,
    /// Bytes of the canonical form.
    pub canonical_bytes: u64,
    pub columns: u64,
    /// Bytes of one record of a table.
    pub record_bytes: u64,
    /// Different values of a column that is declared a category.
    pub classes: u64,
}

impl Default for ImportLimits {
    fn default() -> Self {
        Self {
            members: 200_000,
            expansion: 200,
            unpacked_bytes: 64 << 30,
            canonical_bytes: 64 << 30,
            columns: 10_000,
            record_bytes: 16 << 20,
            classes: 65_536,
        }
    }
}

/// An upload on disk and what is said of it.
pub struct ImportRequest<'a> {
    pub format: Format,
    pub name: &'a str,
    pub source: &'a Path,
    pub hints: &'a Hints,
    pub limits: &'a ImportLimits,
    /// An existing empty folder, which becomes the canonical form.
    pub out_dir: &'a Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// 413
    TooLarge,
    /// 422
    Unprocessable,
}

/// Why an upload is refused, in words for its sender.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub kind: RefusalKind,
    /// Names the line or the member.
    pub detail: String,
    pub line: Option<u64>,
    pub member: Option<String>,
}

#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("{}", .0.detail)]
    Refused(Refusal),
    /// The disk failed, not the upload.
    #[error("the upload cannot be stored: {0}")]
    Disk(#[from] io::Error),
}

impl ImportError {
    fn refused(kind: RefusalKind, detail: String) -> Self {
        Self::Refused(Refusal { kind, detail, line: None, member: None })
    }

    pub(super) fn unprocessable(detail: impl Into<String>) -> Self {
        Self::refused(RefusalKind::Unprocessable, detail.into())
    }

    pub(super) fn too_large(detail: impl Into<String>) -> Self {
        Self::refused(RefusalKind::TooLarge, detail.into())
    }

    /// Names the line, unless one is named already.
    #[must_use]
    pub(super) fn at_line(mut self, line: u64) -> Self {
        if let Self::Refused(refusal) = &mut self
            && refusal.line.is_none()
        {
            refusal.line = Some(line);
            refusal.detail = format!("line {line}: {}", refusal.detail);
        }
        self
    }

    /// Names the member, unless one is named already.
    #[must_use]
    pub(super) fn in_member(mut self, member: &str) -> Self {
        if let Self::Refused(refusal) = &mut self
            && refusal.member.is_none()
        {
            refusal.member = Some(member.to_owned());
            refusal.detail = format!("{}: {}", shown(member), refusal.detail);
        }
        self
    }
}

/// A text of the upload's in a message: quoted, without control characters, and not long.
pub(super) fn shown(text: &str) -> String {
    const MOST: usize = 120;
    let mut shown: String = text.chars().take(MOST).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// SHA-256 as lower-case hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Digest(pub String);

impl Digest {
    fn of(hash: Sha256) -> Self {
        use std::fmt::Write;
        Self(hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

/// The SHA-256 of bytes.
pub fn sha256(source: &mut dyn Read) -> io::Result<Digest> {
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match source.read(&mut buffer) {
            Ok(0) => return Ok(Digest::of(hash)),
            Ok(read) => hash.update(&buffer[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// What identifies a version: the digest of the upload's bytes, its format, the hints and the reader's version.
pub fn content_digest(bytes_sha256: &Digest, format: Format, hints: &Hints) -> Digest {
    let mut types: Vec<_> = hints.types.iter().map(|(column, kind)| (column, kind.word())).collect();
    types.sort_unstable();
    types.dedup();
    // JSON, because no column's name can make two different lists of hints read alike in it.
    let mut identity = vec![json!(READER_VERSION), json!(format.word()), json!(bytes_sha256.0), json!(types)];
    identity.extend(hints.beside_types());
    let mut hash = Sha256::new();
    hash.update(json!(identity).to_string());
    Digest::of(hash)
}

/// Reads an upload into its canonical form. The schema's `version` is left 0 for the store to give.
pub fn import(request: &ImportRequest<'_>) -> Result<DatasetSchema, ImportError> {
    request.hints.check(request.format)?;
    let mut source = File::open(request.source)?;
    let schema = DatasetSchema {
        name: request.name.to_owned(),
        version: 0,
        format: request.format.word().to_owned(),
        examples: 0,
        bytes: source.metadata()?.len(),
        sha256: sha256(&mut source)?.0,
        splits: Vec::new(),
        columns: Vec::new(),
    };
    if schema.bytes == 0 {
        return Err(ImportError::unprocessable("the upload is empty"));
    }
    match request.format {
        Format::Csv => formats::csv::import(request, schema),
        Format::Idx => formats::idx::import(request, schema),
        Format::Images => formats::images::import(request, schema),
        Format::Jsonl => formats::jsonl::import(request, schema),
        Format::Npz => formats::npz::import(request, schema),
    }
}
