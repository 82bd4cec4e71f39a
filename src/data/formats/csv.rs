//! Tables as CSV. The file is read twice, so that it may be larger than memory: once to find what its columns are,
//! once to write them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hasher};
use std::io::{BufRead, BufReader, Seek};

use flate2::read::MultiGzDecoder;

use super::records::{Record, Records, Rows};
use crate::data::archive::{self, Budget, Wrapping};
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::data::numbers::{parse_number, sort_classes};
use crate::data::storage::{self, NO_CLASS, Writer};
use crate::spec::dataset::{Column, DatasetSchema, Kind};
use crate::spec::field::did_you_mean;

/// Different values that make a category without a hint.
const MOST_CLASSES: u64 = 1_000;
/// The longest name of a class.
const LONGEST_CLASS: usize = 1_024;

/// What the first reading finds of a column.
struct Survey {
    name: String,
    declared: Option<Kind>,
    numbers: bool,
    whole: bool,
    missing: u64,
    text_bytes: u64,
    longest: usize,
    /// Digests of the different values, as long as they are few.
    different: Option<HashSet<u64>>,
}

impl Survey {
    fn look(&mut self, cell: &str, most_declared: u64) -> Result<(), ImportError> {
        self.text_bytes += cell.len() as u64;
        if is_empty(cell) {
            self.missing += 1;
            return Ok(());
        }
        if self.numbers {
            match parse_number(cell) {
                Some(_) => self.whole &= !cell.contains(['.', 'e', 'E']),
                None if self.declared == Some(Kind::Number) => {
                    return Err(ImportError::unprocessable(format!(
                        "{} in column {} is no number",
                        shown(cell),
                        shown(&self.name)
                    )));
                }
                None => self.numbers = false,
            }
        }
        self.longest = self.longest.max(cell.len());
        let most = if self.declared == Some(Kind::Category) { most_declared } else { MOST_CLASSES };
        if let Some(different) = &mut self.different {
            let mut hasher = DefaultHasher::new();
            hasher.write(cell.as_bytes());
            different.insert(hasher.finish());
            if different.len() as u64 > most {
                self.different = None;
            }
        }
        if self.declared == Some(Kind::Category) && (self.different.is_none() || cell.len() > LONGEST_CLASS) {
            return Err(ImportError::too_large(format!(
                "column {} is declared a category and has more than {most} different values, or one of more than \
                 {LONGEST_CLASS} bytes",
                shown(&self.name)
            )));
        }
        Ok(())
    }

    fn kind(&self, rows: u64) -> Kind {
        let few =
            |different: &HashSet<u64>| different.len() as u64 <= rows / 2 && self.longest <= LONGEST_CLASS;
        match self.declared {
            Some(kind) => kind,
            None if self.numbers => Kind::Number,
            None if self.different.as_ref().is_some_and(few) => Kind::Category,
            None => Kind::Text,
        }
    }

    fn column(&self, rows: u64) -> Column {
        let kind = self.kind(rows);
        let dtype = match kind {
            Kind::Number if self.whole => "int64",
            Kind::Number => "float64",
            _ => "string",
        };
        Column {
            name: self.name.clone(),
            kind,
            dtype: dtype.to_owned(),
            shape: Vec::new(),
            classes: Vec::new(),
            missing: self.missing,
        }
    }
}

/// A cell of blanks alone is empty.
fn is_empty(cell: &str) -> bool {
    cell.bytes().all(|byte| byte == b' ' || byte == b'\t')
}

pub(in crate::data) fn import(
    request: &ImportRequest<'_>,
    mut schema: DatasetSchema,
) -> Result<DatasetSchema, ImportError> {
    let (surveys, rows) = survey(request)?;
    schema.examples = rows;
    schema.splits = vec![("all".to_owned(), rows)];
    schema.columns = surveys.iter().map(|survey| survey.column(rows)).collect();
    let text_bytes: Vec<u64> = surveys
        .iter()
        .zip(&schema.columns)
        .map(|(survey, column)| if column.kind == Kind::Text { survey.text_bytes } else { 0 })
        .collect();
    drop(surveys);
    let (regions, length) = storage::layout(&schema.columns, rows, &text_bytes)
        .filter(|(_, length)| *length <= request.limits.canonical_bytes)
        .ok_or_else(|| {
            ImportError::too_large(format!(
                "the table takes more than {} bytes",
                request.limits.canonical_bytes
            ))
        })?;
    let mut filling = Filling::new(&schema.columns, Writer::create(request.out_dir, regions, length)?);
    let (_, mut table) = open(request)?;
    let mut row = Record::default();
    while table.next(&mut row)? {
        filling.add(&row)?;
    }
    filling.flush()?;
    if filling.rows != rows {
        return Err(std::io::Error::other("the upload changed while it was read").into());
    }
    for (index, column) in schema.columns.iter_mut().enumerate() {
        if column.kind == Kind::Category {
            column.classes = filling.settle(index)?;
        }
    }
    Ok(filling.writer.finish(request.out_dir, schema, text_bytes)?)
}

type Table = Rows<Box<dyn BufRead>>;

/// The table from its beginning, unpacked if it is gzipped: the columns' names and the rows.
fn open(request: &ImportRequest<'_>) -> Result<(Vec<String>, Table), ImportError> {
    let limits = request.limits;
    let mut file = File::open(request.source)?;
    let head = archive::read_head(&mut file)?;
    file.rewind()?;
    let source: Box<dyn BufRead> = match archive::wrapping(&head) {
        Wrapping::Gzip => {
            let budget = Budget::new(file.metadata()?.len(), limits);
            Box::new(BufReader::with_capacity(
                1 << 16,
                budget.meter(MultiGzDecoder::new(BufReader::new(file))),
            ))
        }
        Wrapping::None => Box::new(BufReader::with_capacity(1 << 16, file)),
        Wrapping::Zip | Wrapping::Tar => {
            return Err(ImportError::unprocessable(
                "the upload is an archive; send the CSV file itself, or gzipped",
            ));
        }
    };
    Rows::open(Records::new(source, limits.record_bytes, limits.columns))
}

/// The first reading: what the columns are, and how many rows there are.
fn survey(request: &ImportRequest<'_>) -> Result<(Vec<Survey>, u64), ImportError> {
    let (names, mut table) = open(request)?;
    check_types(request, &names)?;
    let mut surveys: Vec<Survey> = names
        .into_iter()
        .map(|name| Survey {
            declared: request.types.iter().find(|(column, _)| *column == name).map(|(_, kind)| *kind),
            name,
            numbers: true,
            whole: true,
            missing: 0,
            text_bytes: 0,
            longest: 0,
            different: Some(HashSet::new()),
        })
        .collect();
    let mut rows = 0_u64;
    let mut row = Record::default();
    while table.next(&mut row)? {
        for (survey, cell) in surveys.iter_mut().zip(row.fields()) {
            survey.look(cell, request.limits.classes).map_err(|error| error.at_line(row.line))?;
        }
        rows += 1;
        if rows >= u64::from(u32::MAX) {
            return Err(ImportError::too_large("the table has more than 4294967294 rows").at_line(row.line));
        }
    }
    if rows == 0 {
        return Err(ImportError::unprocessable("the file has a header and no rows"));
    }
    Ok((surveys, rows))
}

fn check_types(request: &ImportRequest<'_>, names: &[String]) -> Result<(), ImportError> {
    for (column, kind) in request.types {
        if !names.contains(column) {
            let hint = did_you_mean(column, names.iter().map(String::as_str));
            return Err(ImportError::unprocessable(format!(
                "types: there is no column {}{hint}",
                shown(column)
            )));
        }
        if !matches!(kind, Kind::Number | Kind::Category | Kind::Text) {
            return Err(ImportError::unprocessable(format!(
                "types: a column of a table is a number, a category or a text, so {} cannot be {kind}",
                shown(column)
            )));
        }
    }
    Ok(())
}

/// Cells on their way to disk, a block of rows at a time.
struct Filling {
    writer: Writer,
    kinds: Vec<Kind>,
    cells: Vec<Vec<u8>>,
    texts: Vec<Vec<u8>>,
    /// Where each column's text goes on.
    text_ends: Vec<u64>,
    /// Of categories: the values met so far, with their codes in order of appearance.
    classes: Vec<HashMap<String, u32>>,
    rows: u64,
    flushed: u64,
    block: u64,
    pending_text: usize,
}

impl Filling {
    const MEMORY: u64 = 32 << 20;

    fn new(columns: &[Column], writer: Writer) -> Self {
        let width = columns.len();
        Self {
            writer,
            kinds: columns.iter().map(|column| column.kind).collect(),
            cells: vec![Vec::new(); width],
            texts: vec![Vec::new(); width],
            text_ends: vec![0; width],
            classes: vec![HashMap::new(); width],
            rows: 0,
            flushed: 0,
            block: (Self::MEMORY / (8 * width as u64)).clamp(64, 65_536),
            pending_text: 0,
        }
    }

    fn add(&mut self, row: &Record) -> Result<(), ImportError> {
        for (column, cell) in row.fields().enumerate() {
            let cells = &mut self.cells[column];
            match self.kinds[column] {
                Kind::Number => {
                    let number = parse_number(cell).unwrap_or(f64::NAN);
                    if number.abs() > f64::from(f32::MAX) {
                        let why = format!("{} is beyond ±3.4e38, which training computes with", shown(cell));
                        return Err(ImportError::unprocessable(why).at_line(row.line));
                    }
                    cells.extend_from_slice(&number.to_le_bytes());
                }
                Kind::Category => {
                    let classes = &mut self.classes[column];
                    let next = classes.len() as u32;
                    let code = if is_empty(cell) {
                        NO_CLASS
                    } else if let Some(code) = classes.get(cell) {
                        *code
                    } else {
                        classes.insert(cell.to_owned(), next);
                        next
                    };
                    cells.extend_from_slice(&code.to_le_bytes());
                }
                _ => {
                    if self.rows == 0 {
                        cells.extend_from_slice(&0_u64.to_le_bytes());
                    }
                    self.texts[column].extend_from_slice(cell.as_bytes());
                    self.pending_text += cell.len();
                    let end = self.text_ends[column] + self.texts[column].len() as u64;
                    cells.extend_from_slice(&end.to_le_bytes());
                }
            }
        }
        self.rows += 1;
        if self.rows - self.flushed >= self.block || self.pending_text as u64 >= Self::MEMORY {
            self.flush()?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        for column in 0..self.kinds.len() {
            let cells = &mut self.cells[column];
            let from = match self.kinds[column] {
                Kind::Category => self.flushed * 4,
                Kind::Text if self.flushed > 0 => (self.flushed + 1) * 8,
                _ => self.flushed * 8,
            };
            self.writer.write(column, from, cells)?;
            cells.clear();
            let text = &mut self.texts[column];
            if !text.is_empty() {
                self.writer.write_text(column, self.text_ends[column], text)?;
                self.text_ends[column] += text.len() as u64;
                text.clear();
            }
        }
        self.flushed = self.rows;
        self.pending_text = 0;
        Ok(())
    }

    /// Sorts the classes of a column and brings its codes to their order.
    fn settle(&mut self, column: usize) -> Result<Vec<String>, ImportError> {
        let found = std::mem::take(&mut self.classes[column]);
        let mut classes: Vec<String> = found.keys().cloned().collect();
        sort_classes(&mut classes);
        let mut codes = vec![NO_CLASS; found.len()];
        for (code, class) in classes.iter().enumerate() {
            codes[found[class] as usize] = code as u32;
        }
        let mut buffer = vec![0; 1 << 16];
        let bytes = self.rows * 4;
        let mut from = 0;
        while from < bytes {
            let part = &mut buffer[..(bytes - from).min(1 << 16) as usize];
            self.writer.read(column, from, part)?;
            for cell in part.chunks_exact_mut(4) {
                let code = u32::from_le_bytes([cell[0], cell[1], cell[2], cell[3]]);
                let code = codes.get(code as usize).copied().unwrap_or(NO_CLASS);
                cell.copy_from_slice(&code.to_le_bytes());
            }
            self.writer.write(column, from, part)?;
            from += part.len() as u64;
        }
        Ok(classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::testing::{Upload, csv, gzip};
    use crate::data::{ColumnData, Format, RefusalKind};

    fn kinds(text: &str) -> Vec<(Kind, String)> {
        let columns = csv(text).schema().columns.clone();
        columns.into_iter().map(|column| (column.kind, column.dtype)).collect()
    }

    #[test]
    fn kinds_are_found() {
        let text =
            "n,w,c,t,e,b\n1.5,1,red,one,,\n,2,\"blue, dark\",two,, \n-3e2,3,red,three,,x\n4,4,red,four,,x\n";
        let dataset = csv(text);
        let columns = &dataset.schema().columns;
        let found: Vec<(&str, &str, u64)> =
            columns.iter().map(|column| (column.kind.word(), &column.dtype[..], column.missing)).collect();
        assert_eq!(
            found,
            [
                ("number", "float64", 1),
                ("number", "int64", 0),
                ("category", "string", 0),
                ("text", "string", 0),
                ("number", "int64", 4),
                ("category", "string", 2),
            ]
        );
        assert_eq!(columns[2].classes, ["blue, dark", "red"]);
        assert_eq!(dataset.schema().splits, [("all".to_owned(), 4)]);
        let ColumnData::Numbers(numbers) = dataset.column(0) else { panic!("numbers") };
        assert!(numbers[1].is_nan());
        assert_eq!([numbers[0], numbers[2], numbers[3]], [1.5, -300.0, 4.0]);
        let ColumnData::Codes(codes) = dataset.column(2) else { panic!("codes") };
        assert_eq!(codes, [1, 0, 1, 1]);
        let ColumnData::Codes(codes) = dataset.column(5) else { panic!("codes") };
        assert_eq!(codes, [NO_CLASS, NO_CLASS, 0, 0]);
        let ColumnData::Text { offsets, bytes } = dataset.column(3) else { panic!("text") };
        assert_eq!((offsets, bytes), (&[0, 3, 6, 11, 15][..], &b"onetwothreefour"[..]));
    }

    #[test]
    fn words_for_no_number_make_no_numbers() {
        assert_eq!(kinds("a\nnan\n1\n2\n3\n")[0].0, Kind::Text);
        assert_eq!(kinds("a\n1\n2\ninf\n1\n2\ninf\n")[0].0, Kind::Category);
    }

    #[test]
    fn hints_override() {
        let upload = Upload {
            types: &[("a", Kind::Category), ("b", Kind::Text)],
            ..Upload::new(Format::Csv, b"a,b\n10,x\n9,x\n10,x\n")
        };
        let imported = upload.import().unwrap();
        assert_eq!(imported.schema.columns[0].classes, ["9", "10"]);
        assert_eq!(imported.schema.columns[1].kind, Kind::Text);
        let refused = |types: &[(&str, Kind)]| {
            Upload { types, ..Upload::new(Format::Csv, b"age,b\n10,x\nold,x\n") }.refusal().detail
        };
        assert_eq!(refused(&[("age", Kind::Number)]), "line 3: \"old\" in column \"age\" is no number");
        assert_eq!(
            refused(&[("agee", Kind::Number)]),
            "types: there is no column \"agee\"; did you mean \"age\"?"
        );
        assert!(refused(&[("age", Kind::Image)]).ends_with("so \"age\" cannot be image"));
        assert!(refused(&[("age", Kind::Text), ("age", Kind::Number)]).ends_with("is given two kinds"));
    }

    #[test]
    fn many_rows_go_through_many_blocks() {
        let mut text = String::from("number,class,text\n");
        for row in 0..150_000 {
            use std::fmt::Write;
            writeln!(text, "{},c{},text number {row}", f64::from(row) / 8.0, row % 700).unwrap();
        }
        for bytes in [text.as_bytes(), &gzip(text.as_bytes())] {
            let dataset = Upload::new(Format::Csv, bytes).import().unwrap().open();
            let (ColumnData::Numbers(numbers), ColumnData::Codes(codes)) =
                (dataset.column(0), dataset.column(1))
            else {
                panic!("columns")
            };
            let ColumnData::Text { offsets, bytes } = dataset.column(2) else { panic!("text") };
            let classes = &dataset.schema().columns[1].classes;
            assert!(classes.is_sorted() && classes.len() == 700);
            for row in (0..150_000).step_by(997) {
                assert_eq!(numbers[row], row as f64 / 8.0);
                assert_eq!(classes[codes[row] as usize], format!("c{}", row % 700));
                let text = &bytes[offsets[row] as usize..offsets[row + 1] as usize];
                assert_eq!(text, format!("text number {row}").as_bytes());
            }
        }
    }

    #[test]
    fn what_is_no_table_is_refused() {
        let refusal = |bytes: &[u8]| Upload::new(Format::Csv, bytes).refusal();
        assert_eq!(refusal(b"a,b\n").detail, "the file has a header and no rows");
        assert_eq!(refusal(b"").detail, "the upload is empty");
        let quoted = refusal(b"a,b\n1,2\n\"3,4\n");
        assert_eq!((quoted.line, quoted.kind), (Some(3), RefusalKind::Unprocessable));
        assert!(refusal(b"PK\x03\x04").detail.starts_with("the upload is an archive"));
        let bomb = gzip(&[&b"a\n"[..], &vec![b'1'; 8 << 20]].concat());
        assert_eq!(refusal(&bomb).kind, RefusalKind::TooLarge);
        let mut limited = Upload::new(Format::Csv, b"a,b\n1,2\n");
        limited.limits.columns = 1;
        assert_eq!(limited.refusal().kind, RefusalKind::TooLarge);
        let mut limited = Upload::new(Format::Csv, b"a,b\n1,2\n");
        limited.limits.canonical_bytes = 16;
        assert_eq!(limited.refusal().kind, RefusalKind::TooLarge);
    }

    #[test]
    fn iris_is_read() {
        let dataset = csv(include_str!("../../../datasets/iris/iris.csv"));
        assert_eq!(dataset.rows(), 150);
        assert_eq!(dataset.schema().columns.len(), 5);
        let (_, species) = dataset.find("species").unwrap();
        assert_eq!(species.classes, ["setosa", "versicolor", "virginica"]);
    }
}
