//! Tables, whatever their rows are written in. An upload is read twice, so that it may be larger than memory: once to
//! find what its columns are, once to write them.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher};

use super::class_names::LONGEST as LONGEST_CLASS;
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::data::numbers::{parse_number, sort_classes};
use crate::data::storage::{self, NO_CLASS, Writer};
use crate::spec::Shape;
use crate::spec::dataset::{Column, DatasetSchema, Kind};
use crate::spec::field::did_you_mean;

/// Different values that make a category without a hint.
const MOST_CLASSES: u64 = 1_000;

/// A cell as a reader finds it.
#[derive(Clone, Copy)]
pub(super) enum Cell<'a> {
    /// A number where it reads as one; empty where it is blank.
    Text(&'a str),
    /// A text, whatever it reads as; empty where it is blank.
    Quoted(&'a str),
    Array(&'a Array),
}

/// Numbers of a shape, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Array {
    pub(super) shape: Shape,
    pub(super) elements: Vec<f32>,
}

/// Takes a table as it is read.
pub(super) trait Sink {
    /// The rows that follow belong to this split.
    fn split(&mut self, split: &'static str);
    /// One column more, behind those that there are.
    fn column(&mut self, name: &str);
    /// The next row; columns that it has no cell for are empty.
    fn row(&mut self, line: u64, cells: &mut dyn Iterator<Item = Cell<'_>>) -> Result<(), ImportError>;
}

/// Reads an upload from its beginning, the splits in their order, the same way each time.
pub(super) type Read = fn(&ImportRequest<'_>, &mut dyn Sink) -> Result<(), ImportError>;

pub(super) fn import(
    request: &ImportRequest<'_>,
    mut schema: DatasetSchema,
    read: Read,
) -> Result<DatasetSchema, ImportError> {
    let mut found = Surveying::new(request);
    read(request, &mut found)?;
    found.check()?;
    let rows = found.rows;
    schema.examples = rows;
    schema.splits = found.splits.iter().map(|(split, rows)| ((*split).to_owned(), *rows)).collect();
    schema.columns = found.surveys.iter().map(|survey| survey.column(rows)).collect();
    let text_bytes: Vec<u64> = found
        .surveys
        .iter()
        .zip(&schema.columns)
        .map(|(survey, column)| if column.kind == Kind::Text { survey.text_bytes } else { 0 })
        .collect();
    drop(found);
    let (regions, length) = storage::layout(&schema.columns, rows, &text_bytes)
        .filter(|(_, length)| *length <= request.limits.canonical_bytes)
        .ok_or_else(|| {
            ImportError::too_large(format!(
                "the table takes more than {} bytes",
                request.limits.canonical_bytes
            ))
        })?;
    let mut filling = Filling::new(&schema.columns, Writer::create(request.out_dir, regions, length)?);
    read(request, &mut filling)?;
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

/// What the first reading finds of a column.
struct Survey {
    name: String,
    declared: Option<Kind>,
    numbers: bool,
    whole: bool,
    missing: u64,
    text_bytes: u64,
    longest: usize,
    /// Of its arrays, where it has some.
    shape: Option<Shape>,
    /// Digests of the different values, as long as they are few.
    different: Option<HashSet<u64>>,
}

impl Survey {
    fn new(name: &str, declared: Option<Kind>, missing: u64) -> Self {
        Self {
            name: name.to_owned(),
            declared,
            numbers: true,
            whole: true,
            missing,
            text_bytes: 0,
            longest: 0,
            shape: None,
            different: Some(HashSet::new()),
        }
    }

    fn look(&mut self, cell: Cell<'_>, most_declared: u64) -> Result<(), ImportError> {
        match cell {
            Cell::Text(text) => self.look_at_text(text, false, most_declared),
            Cell::Quoted(text) => self.look_at_text(text, true, most_declared),
            Cell::Array(array) => self.look_at_array(array),
        }
    }

    fn look_at_text(&mut self, cell: &str, quoted: bool, most_declared: u64) -> Result<(), ImportError> {
        self.text_bytes += cell.len() as u64;
        if is_empty(cell) {
            self.missing += 1;
            return Ok(());
        }
        if self.shape.is_some() {
            return Err(self.mixed());
        }
        if self.numbers {
            let number = parse_number(cell).filter(|_| !quoted || self.declared == Some(Kind::Number));
            match number {
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

    fn look_at_array(&mut self, array: &Array) -> Result<(), ImportError> {
        match &self.shape {
            None if self.longest > 0 => Err(self.mixed()),
            Some(shape) if *shape != array.shape => Err(ImportError::unprocessable(format!(
                "column {} holds an array of shape {:?} where the rows before hold {shape:?}",
                shown(&self.name),
                array.shape
            ))),
            Some(_) => Ok(()),
            None => {
                self.shape = Some(array.shape.clone());
                Ok(())
            }
        }
    }

    fn mixed(&self) -> ImportError {
        ImportError::unprocessable(format!(
            "column {} holds arrays in some rows and single values in others",
            shown(&self.name)
        ))
    }

    /// What can be told of the column once every row was seen.
    fn check(&self) -> Result<(), ImportError> {
        let name = shown(&self.name);
        if self.shape.is_some() && self.missing > 0 {
            return Err(ImportError::unprocessable(format!(
                "column {name} holds arrays, and {} row(s) have none; arrays cannot be filled in",
                self.missing
            )));
        }
        let possible: &[Kind] =
            if self.shape.is_some() { &[Kind::Tensor] } else { &[Kind::Number, Kind::Category, Kind::Text] };
        match self.declared.filter(|kind| !possible.contains(kind)) {
            Some(kind) if self.shape.is_some() => Err(ImportError::unprocessable(format!(
                "types: column {name} holds arrays, so it is a tensor and cannot be {kind}"
            ))),
            Some(kind) => Err(ImportError::unprocessable(format!(
                "types: a column of a table is a number, a category or a text, so {name} cannot be {kind}"
            ))),
            None => Ok(()),
        }
    }

    fn kind(&self, rows: u64) -> Kind {
        let few =
            |different: &HashSet<u64>| different.len() as u64 <= rows / 2 && self.longest <= LONGEST_CLASS;
        match self.declared {
            Some(kind) => kind,
            None if self.shape.is_some() => Kind::Tensor,
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
            Kind::Tensor => "float32",
            _ => "string",
        };
        Column {
            name: self.name.clone(),
            kind,
            dtype: dtype.to_owned(),
            shape: self.shape.clone().unwrap_or_default(),
            classes: Vec::new(),
            missing: self.missing,
        }
    }
}

/// A cell of blanks alone is empty.
fn is_empty(cell: &str) -> bool {
    cell.bytes().all(|byte| byte == b' ' || byte == b'\t')
}

/// The first reading: what the columns are, and how many rows there are.
struct Surveying<'r> {
    request: &'r ImportRequest<'r>,
    surveys: Vec<Survey>,
    splits: Vec<(&'static str, u64)>,
    rows: u64,
}

impl<'r> Surveying<'r> {
    fn new(request: &'r ImportRequest<'r>) -> Self {
        Self { request, surveys: Vec::new(), splits: Vec::new(), rows: 0 }
    }

    fn check(&self) -> Result<(), ImportError> {
        for (column, _) in &self.request.hints.types {
            let names = || self.surveys.iter().map(|survey| survey.name.as_str());
            if !names().any(|name| name == column) {
                let hint = did_you_mean(column, names());
                return Err(ImportError::unprocessable(format!(
                    "types: there is no column {}{hint}",
                    shown(column)
                )));
            }
        }
        self.surveys.iter().try_for_each(Survey::check)
    }
}

impl Sink for Surveying<'_> {
    fn split(&mut self, split: &'static str) {
        self.splits.push((split, 0));
    }

    fn column(&mut self, name: &str) {
        self.surveys.push(Survey::new(name, self.request.hints.kind(name), self.rows));
    }

    fn row(&mut self, line: u64, cells: &mut dyn Iterator<Item = Cell<'_>>) -> Result<(), ImportError> {
        let most = self.request.limits.classes;
        for survey in &mut self.surveys {
            let cell = cells.next().unwrap_or(Cell::Text(""));
            survey.look(cell, most).map_err(|error| error.at_line(line))?;
        }
        self.rows += 1;
        if let Some((_, rows)) = self.splits.last_mut() {
            *rows += 1;
        }
        if self.rows >= u64::from(u32::MAX) {
            return Err(ImportError::too_large("the table has more than 4294967294 rows").at_line(line));
        }
        Ok(())
    }
}

/// Cells on their way to disk, a block of rows at a time.
struct Filling {
    writer: Writer,
    kinds: Vec<Kind>,
    /// Bytes of a cell of each column.
    widths: Vec<u64>,
    cells: Vec<Vec<u8>>,
    texts: Vec<Vec<u8>>,
    /// Where each column's text goes on.
    text_ends: Vec<u64>,
    /// Of categories: the values met so far, with their codes in order of appearance.
    classes: Vec<HashMap<String, u32>>,
    rows: u64,
    flushed: u64,
    pending: u64,
}

impl Filling {
    const MEMORY: u64 = 32 << 20;

    fn new(columns: &[Column], writer: Writer) -> Self {
        let width = columns.len();
        Self {
            writer,
            kinds: columns.iter().map(|column| column.kind).collect(),
            widths: columns.iter().map(|column| storage::cell_bytes(column).unwrap_or(0)).collect(),
            cells: vec![Vec::new(); width],
            texts: vec![Vec::new(); width],
            text_ends: vec![0; width],
            classes: vec![HashMap::new(); width],
            rows: 0,
            flushed: 0,
            pending: 0,
        }
    }

    fn add(&mut self, column: usize, cell: Cell<'_>) -> Result<(), ImportError> {
        let cells = &mut self.cells[column];
        let text = match cell {
            Cell::Text(text) | Cell::Quoted(text) => text,
            Cell::Array(array) => {
                cells.extend_from_slice(bytemuck::cast_slice(&array.elements));
                return Ok(());
            }
        };
        match self.kinds[column] {
            Kind::Number => {
                let number = parse_number(text).unwrap_or(f64::NAN);
                if number.abs() > f64::from(f32::MAX) {
                    return Err(ImportError::unprocessable(format!(
                        "{} is beyond ±3.4e38, which training computes with",
                        shown(text)
                    )));
                }
                cells.extend_from_slice(&number.to_le_bytes());
            }
            Kind::Category => {
                let classes = &mut self.classes[column];
                let next = classes.len() as u32;
                let code = if is_empty(text) {
                    NO_CLASS
                } else if let Some(code) = classes.get(text) {
                    *code
                } else {
                    classes.insert(text.to_owned(), next);
                    next
                };
                cells.extend_from_slice(&code.to_le_bytes());
            }
            _ => {
                if self.rows == 0 {
                    cells.extend_from_slice(&0_u64.to_le_bytes());
                }
                self.texts[column].extend_from_slice(text.as_bytes());
                self.pending += text.len() as u64;
                let end = self.text_ends[column] + self.texts[column].len() as u64;
                cells.extend_from_slice(&end.to_le_bytes());
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<(), ImportError> {
        for column in 0..self.kinds.len() {
            let cells = &mut self.cells[column];
            let from = match self.kinds[column] {
                Kind::Text if self.flushed > 0 => (self.flushed + 1) * 8,
                _ => self.flushed * self.widths[column],
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
        self.pending = 0;
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

impl Sink for Filling {
    fn split(&mut self, _split: &'static str) {}

    fn column(&mut self, _name: &str) {}

    fn row(&mut self, line: u64, cells: &mut dyn Iterator<Item = Cell<'_>>) -> Result<(), ImportError> {
        for column in 0..self.kinds.len() {
            let cell = cells.next().unwrap_or(Cell::Text(""));
            self.add(column, cell).map_err(|error| error.at_line(line))?;
            self.pending += self.widths[column];
        }
        self.rows += 1;
        if self.pending >= Self::MEMORY {
            self.flush()?;
        }
        Ok(())
    }
}
