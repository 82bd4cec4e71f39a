//! RFC 4180 to the letter: what other readers guess at is refused with its line.

use std::io::BufRead;

use crate::data::archive;
use crate::data::import::ImportError;

/// A record, and where it begins.
#[derive(Default)]
pub(super) struct Record {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    pub(super) line: u64,
    quoted: bool,
}

impl Record {
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The fields, once the record is known to be UTF-8.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let text = std::str::from_utf8(&self.bytes).unwrap_or_default();
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        // The ends of fields are ends of characters, since what separates fields is ASCII.
        starts.zip(&self.ends).map(move |(start, end)| text.get(start..*end).unwrap_or_default())
    }

    fn is_blank(&self) -> bool {
        self.ends.len() == 1 && self.bytes.is_empty() && !self.quoted
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    FieldStart,
    Unquoted,
    Quoted,
    /// Behind a quote within quotes: the end of the field, or the first half of a quote.
    QuoteInQuoted,
    /// Behind a carriage return, which must be the first half of a line's end.
    CarriageReturn,
}

/// The records of a CSV file, header included.
pub(super) struct Records<R> {
    source: R,
    record_bytes: u64,
    columns: u64,
    line: u64,
    started: bool,
}

impl<R: BufRead> Records<R> {
    pub(super) fn new(source: R, record_bytes: u64, columns: u64) -> Self {
        Self { source, record_bytes, columns, line: 1, started: false }
    }

    /// Reads the next record into `record`; false at the end.
    pub(super) fn next(&mut self, record: &mut Record) -> Result<bool, ImportError> {
        if !self.started {
            self.started = true;
            self.skip_byte_order_mark()?;
        }
        record.bytes.clear();
        record.ends.clear();
        record.quoted = false;
        record.line = self.line;
        let mut reading =
            Reading { record, state: State::FieldStart, line: self.line, quote_line: self.line };
        let ended = loop {
            let buffer = self.source.fill_buf().map_err(archive::read_failure)?;
            if buffer.is_empty() {
                break reading.end()?;
            }
            let (used, done) = reading.take(buffer)?;
            self.source.consume(used);
            if done {
                break true;
            }
            if matches!(reading.state, State::Quoted) && reading.record.bytes.len() as u64 > self.record_bytes
            {
                return Err(ImportError::unprocessable(format!(
                    "a quote is opened and not closed within {} bytes",
                    self.record_bytes
                ))
                .at_line(reading.quote_line));
            }
            self.check_size(reading.record)?;
        };
        self.line = reading.line;
        self.check_size(record)?;
        if ended {
            check_text(record)?;
        }
        Ok(ended)
    }

    fn check_size(&self, record: &Record) -> Result<(), ImportError> {
        if record.bytes.len() as u64 > self.record_bytes {
            return Err(ImportError::too_large(format!(
                "a record is longer than {} bytes",
                self.record_bytes
            ))
            .at_line(record.line));
        }
        if record.ends.len() as u64 > self.columns {
            return Err(ImportError::too_large(format!("there are more than {} columns", self.columns))
                .at_line(record.line));
        }
        Ok(())
    }

    fn skip_byte_order_mark(&mut self) -> Result<(), ImportError> {
        const MARK: &[u8] = "\u{feff}".as_bytes();
        let head = self.source.fill_buf().map_err(archive::read_failure)?;
        if head.starts_with(MARK) {
            self.source.consume(MARK.len());
        } else if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
            return Err(ImportError::unprocessable("the text is UTF-16; save it as UTF-8").at_line(1));
        }
        Ok(())
    }
}

fn check_text(record: &Record) -> Result<(), ImportError> {
    match std::str::from_utf8(&record.bytes) {
        Ok(_) => Ok(()),
        Err(error) => {
            let before = &record.bytes[..error.valid_up_to()];
            let breaks = before.split(|byte| *byte == b'\n').count() as u64 - 1;
            Err(ImportError::unprocessable("the text is not UTF-8").at_line(record.line + breaks))
        }
    }
}

/// A record that is being read.
struct Reading<'a> {
    record: &'a mut Record,
    state: State,
    line: u64,
    quote_line: u64,
}

impl Reading<'_> {
    /// Reads on; answers how many bytes were used and whether the record has ended.
    fn take(&mut self, buffer: &[u8]) -> Result<(usize, bool), ImportError> {
        for (index, byte) in buffer.iter().copied().enumerate() {
            self.state = match (self.state, byte) {
                (State::Quoted, b'"') => State::QuoteInQuoted,
                (State::Quoted, _) => {
                    self.line += u64::from(byte == b'\n');
                    self.record.bytes.push(byte);
                    State::Quoted
                }
                (State::FieldStart, b'"') => {
                    self.quote_line = self.line;
                    self.record.quoted = true;
                    State::Quoted
                }
                (State::QuoteInQuoted, b'"') => {
                    self.record.bytes.push(byte);
                    State::Quoted
                }
                (
                    State::CarriageReturn | State::FieldStart | State::Unquoted | State::QuoteInQuoted,
                    b'\n',
                ) => {
                    self.line += 1;
                    self.end_field();
                    return Ok((index + 1, true));
                }
                (State::CarriageReturn, _) => {
                    return Err(self.refuse("a carriage return stands without a line feed"));
                }
                (_, b',') => {
                    self.end_field();
                    State::FieldStart
                }
                (_, b'\r') => State::CarriageReturn,
                (State::QuoteInQuoted, _) => {
                    return Err(
                        self.refuse("text follows a closing quote; a quote within quotes is written twice")
                    );
                }
                (_, b'"') => {
                    return Err(self.refuse(
                        "a quote stands in a field that is not quoted; quote the field and write the quote twice",
                    ));
                }
                (_, _) => {
                    self.record.bytes.push(byte);
                    State::Unquoted
                }
            };
        }
        Ok((buffer.len(), false))
    }

    /// The end of the file; false where no record had begun.
    fn end(&mut self) -> Result<bool, ImportError> {
        match self.state {
            State::Quoted => {
                Err(ImportError::unprocessable("a quote is opened and never closed").at_line(self.quote_line))
            }
            State::CarriageReturn => Err(self.refuse("a carriage return stands without a line feed")),
            State::FieldStart if self.record.ends.is_empty() => Ok(false),
            _ => {
                self.end_field();
                Ok(true)
            }
        }
    }

    fn end_field(&mut self) {
        self.record.ends.push(self.record.bytes.len());
    }

    fn refuse(&self, detail: &str) -> ImportError {
        ImportError::unprocessable(detail).at_line(self.line)
    }
}

/// The rows behind the header, each with as many fields as it. Blank lines at the end of the file are none; within a
/// table of one column a blank line is an empty cell.
pub(super) struct Rows<R> {
    records: Records<R>,
    width: usize,
    /// Blank lines that have been read and not been answered.
    blank: u64,
    first_blank: u64,
    /// The record behind them.
    held: Option<Record>,
}

impl<R: BufRead> Rows<R> {
    /// Reads the header: the columns' names, checked, and what follows it.
    pub(super) fn open(mut records: Records<R>) -> Result<(Vec<String>, Self), ImportError> {
        let mut header = Record::default();
        if !records.next(&mut header)? {
            return Err(ImportError::unprocessable(
                "the file is empty; its first line should name the columns",
            ));
        }
        let mut names: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (index, name) in header.fields().enumerate() {
            if name.trim().is_empty() {
                return Err(ImportError::unprocessable(format!("column {} has no name", index + 1))
                    .at_line(header.line));
            }
            if name.len() > 1024 {
                return Err(ImportError::unprocessable(format!(
                    "the name of column {} is longer than 1024 bytes",
                    index + 1
                ))
                .at_line(header.line));
            }
            if !seen.insert(name) {
                return Err(ImportError::unprocessable(format!(
                    "two columns are named {}",
                    crate::data::import::shown(name)
                ))
                .at_line(header.line));
            }
            names.push(name.to_owned());
        }
        let rows = Self { records, width: names.len(), blank: 0, first_blank: 0, held: None };
        Ok((names, rows))
    }

    /// Reads the next row into `row`; false at the end.
    pub(super) fn next(&mut self, row: &mut Record) -> Result<bool, ImportError> {
        if let Some(held) = self.held.take() {
            if self.blank > 0 {
                self.blank -= 1;
                row.bytes.clear();
                row.ends.clear();
                row.ends.push(0);
                row.line = self.first_blank;
                self.first_blank += 1;
                self.held = Some(held);
            } else {
                *row = held;
            }
            return Ok(true);
        }
        while self.records.next(row)? {
            if row.is_blank() {
                if self.blank == 0 {
                    self.first_blank = row.line;
                }
                self.blank += 1;
                continue;
            }
            if self.blank > 0 && self.width > 1 {
                return Err(self.wrong_width(1, self.first_blank));
            }
            if row.len() != self.width {
                return Err(self.wrong_width(row.len(), row.line));
            }
            if self.blank > 0 {
                self.held = Some(std::mem::take(row));
                return self.next(row);
            }
            return Ok(true);
        }
        Ok(false)
    }

    fn wrong_width(&self, found: usize, line: u64) -> ImportError {
        ImportError::unprocessable(format!(
            "{found} field(s) where the header names {} column(s)",
            self.width
        ))
        .at_line(line)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Result<(Vec<String>, Vec<Vec<String>>), ImportError> {
        // A buffer of three bytes, so that every state is also met at a buffer's end.
        let source = std::io::BufReader::with_capacity(3, text);
        let (names, mut rows) = Rows::open(Records::new(source, 1 << 20, 100))?;
        let mut row = Record::default();
        let mut read = Vec::new();
        while rows.next(&mut row)? {
            read.push(row.fields().map(str::to_owned).collect());
        }
        Ok((names, read))
    }

    fn refusal(text: &[u8]) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn quotes_line_ends_and_marks_are_read() {
        let (names, rows) =
            read("\u{feff}a,\"b \"\"c\"\"\"\r\n1,\"x, y\r\nz\"\n\"\",\n3,ä\n\n\r\n".as_bytes()).unwrap();
        assert_eq!(names, ["a", "b \"c\""]);
        assert_eq!(rows, [["1", "x, y\r\nz"], ["", ""], ["3", "ä"]]);
        assert_eq!(read(b"a\n1\n\n3\n\n").unwrap().1, [["1"], [""], ["3"]]);
        assert_eq!(read(b"a\n1").unwrap().1, [["1"]]);
        assert_eq!(read(b"a\n1\n\"\"\n").unwrap().1, [["1"], [""]]);
    }

    #[test]
    fn mistakes_have_their_lines() {
        insta::assert_snapshot!(
            [
                refusal(b"a,b\n1,2\n3,\"4\n5,6\n"),
                refusal(b"a,b\n1,\"2\"3\n"),
                refusal(b"a,b\n1,2\"3\n"),
                refusal(b"a,b\n1,\"x\ny\"\n1,2,3\n"),
                refusal(b"a,b\n1\n"),
                refusal(b"a,b\n1,2\n\n3,4\n"),
                refusal(b"a,a\n1,2\n"),
                refusal(b"a, \n1,2\n"),
                refusal(b"a,b\n1,\"x\n\xff\"\n"),
                refusal(b"a,b\r1,2\r"),
                refusal(b"\xff\xfea\0"),
                refusal(b""),
            ]
            .join("\n")
        , @r#"
        line 3: a quote is opened and never closed
        line 2: text follows a closing quote; a quote within quotes is written twice
        line 2: a quote stands in a field that is not quoted; quote the field and write the quote twice
        line 4: 3 field(s) where the header names 2 column(s)
        line 2: 1 field(s) where the header names 2 column(s)
        line 3: 1 field(s) where the header names 2 column(s)
        line 1: two columns are named "a"
        line 1: column 2 has no name
        line 3: the text is not UTF-8
        line 1: a carriage return stands without a line feed
        line 1: the text is UTF-16; save it as UTF-8
        the file is empty; its first line should name the columns
        "#);
    }

    #[test]
    fn long_records_and_many_columns_are_too_large() {
        let source = std::io::BufReader::new(std::io::repeat(b'x'));
        let error = Rows::open(Records::new(source, 1000, 10)).err().unwrap();
        assert_eq!(error.to_string(), "line 1: a record is longer than 1000 bytes");
        let source = std::io::BufReader::new(std::io::repeat(b','));
        let error = Rows::open(Records::new(source, 1000, 10)).err().unwrap();
        assert_eq!(error.to_string(), "line 1: there are more than 10 columns");
    }

    fn written(rows: &[Vec<String>], line_end: &str) -> String {
        let mut text = String::from("a,b,c");
        for row in rows {
            text += line_end;
            let cells: Vec<String> =
                row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
            text += &cells.join(",");
        }
        text
    }

    proptest! {
        #[test]
        fn what_is_quoted_comes_back(
            rows in proptest::collection::vec(proptest::collection::vec("[ -~äß\n\r\"]{0,8}", 3), 0..6),
            carriage in any::<bool>(),
        ) {
            let text = written(&rows, if carriage { "\r\n" } else { "\n" });
            prop_assert_eq!(read(text.as_bytes()).unwrap().1, rows);
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(
            prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), any::<u8>()], 0..60)) {
            let _ = read(&text);
        }
    }
}
