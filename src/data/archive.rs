//! Archives as they come from strangers: members are streamed one by one and never unpacked by name, what is no
//! plain file is refused, and what it all unfolds to is counted while it unfolds.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::rc::Rc;

use flate2::read::MultiGzDecoder;

use super::import::{ImportError, ImportLimits, shown};

/// What the first bytes say that a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrapping {
    Gzip,
    Zip,
    Tar,
    None,
}

/// Enough of a file to tell what it is.
pub(super) const HEAD_BYTES: usize = 512;

pub(super) fn wrapping(head: &[u8]) -> Wrapping {
    if head.starts_with(&[0x1f, 0x8b]) {
        Wrapping::Gzip
    } else if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        Wrapping::Zip
    } else if is_tar(head) {
        Wrapping::Tar
    } else {
        Wrapping::None
    }
}

/// By the checksum of its first header, which tars of every age have.
fn is_tar(head: &[u8]) -> bool {
    let Ok(block) = <&[u8; 512]>::try_from(head) else { return false };
    let header = tar::Header::from_byte_slice(block);
    let sum: u32 =
        block[..148].iter().chain(&[b' '; 8]).chain(&block[156..]).map(|byte| u32::from(*byte)).sum();
    block[0] != 0 && header.cksum().is_ok_and(|said| said == sum)
}

/// Reads as much of `head` as there is.
pub(super) fn read_head(source: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    source.take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// What an upload is once a gzip around an archive is taken off: `Gzip` where something else is in it. Leaves the file
/// at its beginning.
pub(super) fn innermost(source: &mut File, budget: &Budget) -> Result<Wrapping, ImportError> {
    source.rewind()?;
    let mut found = wrapping(&read_head(source)?);
    source.rewind()?;
    if found == Wrapping::Gzip {
        let mut unpacked = budget.again().meter(MultiGzDecoder::new(BufReader::new(&mut *source)));
        // What cannot be unpacked is told when it is read.
        if let Ok(head) = read_head(&mut unpacked)
            && wrapping(&head) == Wrapping::Tar
        {
            found = Wrapping::Tar;
        }
        source.rewind()?;
    }
    Ok(found)
}

/// The bytes that may still come out of one layer of an archive.
#[derive(Clone)]
pub(super) struct Budget {
    left: Rc<Cell<u64>>,
    whole: u64,
}

impl Budget {
    /// What small uploads may unfold to, whatever the ratio.
    const ALWAYS: u64 = 4 << 20;

    pub(super) fn new(upload_bytes: u64, limits: &ImportLimits) -> Self {
        let whole =
            upload_bytes.saturating_mul(limits.expansion).max(Self::ALWAYS).min(limits.unpacked_bytes);
        Self { left: Rc::new(Cell::new(whole)), whole }
    }

    /// The same bound for another layer.
    pub(super) fn again(&self) -> Self {
        Self { left: Rc::new(Cell::new(self.whole)), whole: self.whole }
    }

    pub(super) fn meter<R: Read>(&self, inner: R) -> Meter<R> {
        Meter { inner, budget: self.clone() }
    }

    /// Whether so many bytes could still come.
    pub(super) fn allows(&self, bytes: u64) -> bool {
        bytes <= self.left.get()
    }

    pub(super) fn refusal(&self) -> ImportError {
        ImportError::too_large(OverBudget(self.whole).to_string())
    }
}

#[derive(Debug, thiserror::Error)]
#[error("it unfolds to more than the {0} bytes that an upload of its size may")]
struct OverBudget(u64);

/// A reader that fails when the budget is spent.
pub(super) struct Meter<R> {
    inner: R,
    budget: Budget,
}

impl<R: Read> Read for Meter<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.budget.left.get().checked_sub(read as u64) {
            Some(left) => self.budget.left.set(left),
            None => return Err(io::Error::other(OverBudget(self.budget.whole))),
        }
        Ok(read)
    }
}

/// A failure while something packed was read: the upload's fault, unless the disk failed.
pub(super) fn read_failure(error: io::Error) -> ImportError {
    if let Some(over) = error.get_ref().and_then(|inner| inner.downcast_ref::<OverBudget>()) {
        return ImportError::too_large(over.to_string());
    }
    if error.raw_os_error().is_some() {
        return ImportError::Disk(error);
    }
    ImportError::unprocessable(format!("it is damaged or cut short ({error})"))
}

/// A plain file in an archive.
pub(super) struct Member<'a> {
    pub(super) name: String,
    pub(super) content: &'a mut dyn Read,
}

type Visit<'a> = &'a mut dyn FnMut(Member<'_>) -> Result<(), ImportError>;

/// Visits the plain files of a tar, a tar.gz or a zip, in their order.
pub(super) fn each_member(
    source: &mut File,
    budget: &Budget,
    limits: &ImportLimits,
    visit: Visit<'_>,
) -> Result<(), ImportError> {
    source.rewind()?;
    let head = read_head(source)?;
    source.rewind()?;
    let packed = budget.again();
    match wrapping(&head) {
        Wrapping::Zip => each_of_zip(source, budget, limits, visit),
        Wrapping::Tar => each_of_tar(BufReader::new(source), budget, limits, visit),
        Wrapping::Gzip => {
            let mut unpacked = BufReader::new(packed.meter(MultiGzDecoder::new(BufReader::new(source))));
            let inner = io::BufRead::fill_buf(&mut unpacked).map_err(read_failure)?;
            if inner.len() < HEAD_BYTES || wrapping(&inner[..HEAD_BYTES]) != Wrapping::Tar {
                return Err(ImportError::unprocessable("the gzip file holds no tar archive"));
            }
            each_of_tar(&mut unpacked, budget, limits, visit)?;
            // To the end, so that its checksum is looked at.
            io::copy(&mut unpacked, &mut io::sink()).map(drop).map_err(read_failure)
        }
        Wrapping::None => Err(ImportError::unprocessable("the upload is no tar, tar.gz or zip archive")),
    }
}

fn check_name(name: &str) -> Result<(), ImportError> {
    let parts = || name.split(['/', '\\']);
    let drive = name.as_bytes().get(1) == Some(&b':');
    if name.is_empty() || parts().next() == Some("") || drive {
        return Err(
            ImportError::unprocessable("is an absolute path, which an upload must not hold").in_member(name)
        );
    }
    if parts().any(|part| part == "..") {
        return Err(ImportError::unprocessable("leads out of the archive by \"..\"").in_member(name));
    }
    Ok(())
}

fn count_member(count: &mut u64, limits: &ImportLimits) -> Result<(), ImportError> {
    *count += 1;
    if *count > limits.members {
        return Err(ImportError::too_large(format!("the archive has more than {} members", limits.members)));
    }
    Ok(())
}

fn each_of_tar(
    source: impl Read,
    budget: &Budget,
    limits: &ImportLimits,
    visit: Visit<'_>,
) -> Result<(), ImportError> {
    use tar::EntryType as Type;
    let mut archive = tar::Archive::new(source);
    let mut count = 0;
    // The name that an extension gives the next member.
    let mut long_name: Option<String> = None;
    // Raw: extensions are entries like others, so that they are read within bounds.
    for entry in archive.entries().map_err(read_failure)?.raw(true) {
        let mut entry = entry.map_err(read_failure)?;
        count_member(&mut count, limits)?;
        let kind = entry.header().entry_type();
        match kind {
            Type::GNULongName => {
                let text = read_extension(&mut entry)?;
                let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
                long_name = Some(String::from_utf8_lossy(&text[..end]).into_owned());
                continue;
            }
            Type::XHeader => {
                let name = pax_path(&read_extension(&mut entry)?)?;
                long_name = name.or(long_name);
                continue;
            }
            Type::XGlobalHeader | Type::GNULongLink => continue,
            _ => {}
        }
        let name = long_name
            .take()
            .unwrap_or_else(|| String::from_utf8_lossy(&entry.header().path_bytes()).into_owned());
        check_name(&name)?;
        match kind {
            Type::Directory => {}
            Type::Regular => {
                let mut content = budget.meter(&mut entry);
                visit(Member { name: name.clone(), content: &mut content })
                    .map_err(|error| error.in_member(&name))?;
            }
            _ => return Err(not_plain(&name)),
        }
    }
    Ok(())
}

fn not_plain(name: &str) -> ImportError {
    ImportError::unprocessable("is a link, a device or something else that is no plain file").in_member(name)
}

fn read_extension(entry: &mut impl Read) -> Result<Vec<u8>, ImportError> {
    const LONGEST: u64 = 64 << 10;
    let mut text = Vec::new();
    entry.take(LONGEST + 1).read_to_end(&mut text).map_err(read_failure)?;
    if text.len() as u64 > LONGEST {
        return Err(ImportError::too_large(format!("an extension header is longer than {LONGEST} bytes")));
    }
    Ok(text)
}

/// The `path` of an extended header: records of `<length> <key>=<value>\n`.
fn pax_path(mut text: &[u8]) -> Result<Option<String>, ImportError> {
    let damaged = || ImportError::unprocessable("an extended header of the tar is damaged");
    let mut path = None;
    while !text.is_empty() && text[0] != 0 {
        let blank = text.iter().position(|byte| *byte == b' ').ok_or_else(damaged)?;
        let length: usize = std::str::from_utf8(&text[..blank])
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(damaged)?;
        let record = text.get(blank + 1..length.saturating_sub(1)).ok_or_else(damaged)?;
        text = &text[length.min(text.len())..];
        let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(damaged)?;
        let value = String::from_utf8_lossy(&record[equals + 1..]).into_owned();
        match &record[..equals] {
            b"path" => path = Some(value),
            // The next header's own size would be wrong, and with it all that follows.
            b"size" => return Err(ImportError::too_large("a member is larger than 8 GiB")),
            key if key.starts_with(b"GNU.sparse") => {
                return Err(ImportError::unprocessable("the tar holds a sparse file"));
            }
            _ => {}
        }
    }
    Ok(path)
}

fn each_of_zip(
    source: &mut File,
    budget: &Budget,
    limits: &ImportLimits,
    visit: Visit<'_>,
) -> Result<(), ImportError> {
    check_directory(source, limits)?;
    let mut archive = zip::ZipArchive::new(BufReader::new(source)).map_err(zip_failure)?;
    let mut count = 0;
    for index in 0..archive.len() {
        count_member(&mut count, limits)?;
        let name = archive.name_for_index(index).and_then(Result::ok).map(std::borrow::Cow::into_owned);
        let name = name.unwrap_or_else(|| format!("member {}", index + 1));
        check_name(&name)?;
        let mut entry = archive.by_index(index).map_err(|error| zip_failure(error).in_member(&name))?;
        // The upper bits of a Unix mode are the type of the file; many writers leave them 0.
        let type_bits = entry.unix_mode().unwrap_or(0) & 0o170_000;
        if entry.is_symlink() || !matches!(type_bits, 0 | 0o100_000 | 0o040_000) {
            return Err(not_plain(&name));
        }
        if entry.is_dir() {
            continue;
        }
        let mut content = budget.meter(&mut entry);
        visit(Member { name: name.clone(), content: &mut content })
            .map_err(|error| error.in_member(&name))?;
    }
    Ok(())
}

fn zip_failure(error: zip::result::ZipError) -> ImportError {
    match error {
        zip::result::ZipError::Io(error) => read_failure(error),
        other => ImportError::unprocessable(format!(
            "the zip archive cannot be read ({})",
            shown(&other.to_string())
        )),
    }
}

/// The table of contents is held in memory, so its size is looked at before it is read.
fn check_directory(source: &mut File, limits: &ImportLimits) -> Result<(), ImportError> {
    const END: &[u8] = b"PK\x05\x06";
    const END_BYTES: usize = 22;
    const LARGEST: u64 = 64 << 20;
    let length = source.seek(SeekFrom::End(0))?;
    let tail_bytes = length.min((END_BYTES + usize::from(u16::MAX)) as u64);
    source.seek(SeekFrom::Start(length - tail_bytes))?;
    let mut tail = Vec::new();
    source.take(tail_bytes).read_to_end(&mut tail)?;
    source.rewind()?;
    let end = tail
        .windows(END.len())
        .rposition(|window| window == END)
        .filter(|start| tail.len() - start >= END_BYTES)
        .ok_or_else(|| {
            ImportError::unprocessable("the zip archive is cut short: it has no table of contents")
        })?;
    let word = |at: usize| u32::from_le_bytes([tail[at], tail[at + 1], tail[at + 2], tail[at + 3]]);
    let (entries, bytes) = (u64::from(word(end + 8) >> 16), u64::from(word(end + 12)));
    // Where the numbers do not fit their fields (`u16::MAX`, `u32::MAX`), the directory is larger than is read anyway,
    // or the members are more than the 65,534 that fit.
    if entries > limits.members || (bytes > LARGEST && bytes != u64::from(u32::MAX)) {
        return Err(ImportError::too_large(format!(
            "the archive has more than {} members, or a table of contents of more than {LARGEST} bytes",
            limits.members
        )));
    }
    if bytes == u64::from(u32::MAX) && length > LARGEST {
        return Err(ImportError::too_large("the zip archive is too large: send a tar instead"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for refused in ["/etc/passwd", "../x", "a/../../x", "a\\..\\x", "C:\\x", "\\x", ""] {
            assert!(check_name(refused).is_err(), "{refused}");
        }
        for accepted in ["a", "./a", "a/b..c", "a/b/"] {
            assert!(check_name(accepted).is_ok(), "{accepted}");
        }
    }

    #[test]
    fn a_meter_stops_at_its_budget() {
        let limits = ImportLimits { unpacked_bytes: 10, ..ImportLimits::default() };
        let budget = Budget::new(1 << 20, &limits);
        let error = io::copy(&mut budget.meter(io::repeat(1)), &mut io::sink()).unwrap_err();
        assert!(matches!(read_failure(error), ImportError::Refused(refusal)
            if refusal.kind == super::super::RefusalKind::TooLarge));
    }

    #[test]
    fn extended_headers_give_names() {
        assert_eq!(pax_path(b"16 path=ab/cd.e\n").unwrap(), Some("ab/cd.e".into()));
        assert!(pax_path(b"99 path=a\n").is_err());
        assert!(pax_path(b"nonsense").is_err());
    }
}
