//! Tables as JSON lines: an object a line, whose members are the row's cells. A member that a line lacks is an empty
//! cell. Nested arrays of numbers are tensors.

use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::splits;
use super::table::{self, Array, Cell, Sink};
use crate::data::archive::{self, Budget, Wrapping};
use crate::data::import::{ImportError, ImportRequest, shown};
use crate::spec::dataset::DatasetSchema;
use crate::spec::field::found;

/// Axes that an array may have.
const DEEPEST: usize = 4;
/// The longest name of a column.
const LONGEST_NAME: usize = 1_024;

pub(in crate::data) fn import(
    request: &ImportRequest<'_>,
    schema: DatasetSchema,
) -> Result<DatasetSchema, ImportError> {
    table::import(request, schema, read)
}

fn read(request: &ImportRequest<'_>, sink: &mut dyn Sink) -> Result<(), ImportError> {
    let mut file = File::open(request.source)?;
    let budget = Budget::new(file.metadata()?.len(), request.limits);
    let source: Box<dyn BufRead> = match archive::innermost(&mut file, &budget)? {
        Wrapping::None => Box::new(BufReader::with_capacity(1 << 16, file)),
        Wrapping::Gzip => Box::new(BufReader::with_capacity(
            1 << 16,
            budget.meter(MultiGzDecoder::new(BufReader::new(file))),
        )),
        Wrapping::Zip | Wrapping::Tar => {
            return Err(ImportError::unprocessable(
                "the upload is an archive; send the file of JSON lines itself, or gzipped",
            ));
        }
    };
    sink.split(splits::ALL);
    Rows { places: HashMap::new(), cells: Vec::new() }.read(request, source, sink)
}

/// A cell of a line.
#[derive(Default)]
enum Owned {
    #[default]
    Empty,
    Number(String),
    Word(String),
    Array(Array),
}

impl Owned {
    fn cell(&self) -> Cell<'_> {
        match self {
            Self::Empty => Cell::Text(""),
            Self::Number(text) => Cell::Text(text),
            Self::Word(text) => Cell::Quoted(text),
            Self::Array(array) => Cell::Array(array),
        }
    }
}

struct Rows {
    /// The column of each name, in the order in which they were met.
    places: HashMap<String, usize>,
    cells: Vec<Owned>,
}

impl Rows {
    fn read(
        mut self,
        request: &ImportRequest<'_>,
        mut source: Box<dyn BufRead>,
        sink: &mut dyn Sink,
    ) -> Result<(), ImportError> {
        let most = request.limits.record_bytes;
        let (mut line, mut number, mut rows) = (Vec::new(), 0, 0_u64);
        loop {
            line.clear();
            if source.by_ref().take(most + 1).read_until(b'\n', &mut line).map_err(archive::read_failure)?
                == 0
            {
                break;
            }
            number += 1;
            if line.len() as u64 > most {
                let error = ImportError::too_large(format!("a line is longer than {most} bytes"));
                return Err(error.at_line(number));
            }
            let text = if number == 1 { without_mark(&line)? } else { &line[..] };
            if text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            self.take(text.trim_ascii_end(), request.limits.columns, sink)
                .map_err(|error| error.at_line(number))?;
            sink.row(number, &mut self.cells.iter().map(Owned::cell))?;
            rows += 1;
        }
        if rows == 0 {
            return Err(ImportError::unprocessable("the file holds no line with a JSON object"));
        }
        Ok(())
    }

    /// Reads a line's object into the cells.
    fn take(&mut self, line: &[u8], most: u64, sink: &mut dyn Sink) -> Result<(), ImportError> {
        let members: Members = serde_json::from_slice(line).map_err(|error| unreadable(&error))?;
        self.cells.iter_mut().for_each(|cell| *cell = Owned::Empty);
        let mut seen = vec![false; self.cells.len()];
        for (name, value) in members.0 {
            let place = match self.places.get(&name) {
                Some(place) => *place,
                None => self.add_column(&name, most, sink)?,
            };
            seen.resize(self.cells.len(), false);
            if std::mem::replace(&mut seen[place], true) {
                return Err(ImportError::unprocessable(format!("two members are named {}", shown(&name))));
            }
            self.cells[place] = cell_of(value)
                .map_err(|detail| ImportError::unprocessable(format!("member {} {detail}", shown(&name))))?;
        }
        Ok(())
    }

    fn add_column(&mut self, name: &str, most: u64, sink: &mut dyn Sink) -> Result<usize, ImportError> {
        if name.trim().is_empty() || name.len() > LONGEST_NAME {
            return Err(ImportError::unprocessable(format!(
                "a member has no name, or one of more than {LONGEST_NAME} bytes"
            )));
        }
        if self.cells.len() as u64 >= most {
            return Err(ImportError::too_large(format!("there are more than {most} columns")));
        }
        sink.column(name);
        self.places.insert(name.to_owned(), self.cells.len());
        self.cells.push(Owned::Empty);
        Ok(self.cells.len() - 1)
    }
}

fn without_mark(line: &[u8]) -> Result<&[u8], ImportError> {
    if line.starts_with(&[0xff, 0xfe]) || line.starts_with(&[0xfe, 0xff]) {
        return Err(ImportError::unprocessable("the text is UTF-16; save it as UTF-8").at_line(1));
    }
    Ok(line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line))
}

/// Where in the line something is wrong, without the library's own count of lines, which is always 1.
fn unreadable(error: &serde_json::Error) -> ImportError {
    let text = error.to_string();
    let why = text.split(" at line ").next().unwrap_or_default();
    let place = if error.column() > 0 { format!(" at column {}", error.column()) } else { String::new() };
    let why = shown(why);
    ImportError::unprocessable(format!("is no JSON object on one line ({}{place})", why.trim_matches('"')))
}

fn cell_of(value: Value) -> Result<Owned, String> {
    match value {
        Value::Null => Ok(Owned::Empty),
        Value::Bool(truth) => Ok(Owned::Word(truth.to_string())),
        Value::Number(number) => Ok(Owned::Number(number.to_string())),
        Value::String(text) => Ok(Owned::Word(text)),
        Value::Array(_) => array_of(&value).map(Owned::Array),
        Value::Object(_) => {
            Err("is an object; write its members as members of the line, such as \"address.city\"".into())
        }
    }
}

fn array_of(value: &Value) -> Result<Array, String> {
    let mut array = Array::default();
    let mut inner = value;
    while let Value::Array(items) = inner {
        array.shape.push(items.len() as u64);
        inner = items.first().ok_or("holds an empty array")?;
        if array.shape.len() > DEEPEST {
            return Err(format!("is nested more than {DEEPEST} deep"));
        }
    }
    flatten(value, &array.shape, &mut array.elements)?;
    Ok(array)
}

fn flatten(value: &Value, shape: &[u64], elements: &mut Vec<f32>) -> Result<(), String> {
    match (value, shape) {
        (Value::Array(items), [extent, rest @ ..]) if items.len() as u64 == *extent => {
            items.iter().try_for_each(|item| flatten(item, rest, elements))
        }
        (Value::Number(number), []) => {
            let number = number.as_f64().map(|number| number as f32).filter(|number| number.is_finite());
            elements.push(number.ok_or("holds a number beyond ±3.4e38, which training computes with")?);
            Ok(())
        }
        (Value::Array(_), _) | (_, [_, ..]) => {
            Err("holds arrays of different lengths; a tensor has the same shape throughout".into())
        }
        (other, []) => Err(format!("is an array that holds {}; arrays hold numbers alone", found(other))),
    }
}

/// The members of an object as they stand, repeated ones included.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Members;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

#[cfg(test)]
mod tests {
    use crate::data::testing::{Upload, gzip, tar};
    use crate::data::{ColumnData, Format, TensorData};
    use crate::spec::dataset::Kind;

    #[test]
    fn members_are_columns_as_in_a_table() {
        let text = "\u{feff}{\"n\": 1, \"word\": \"7\", \"truth\": true, \"grid\": [[1, 2.5], [3, 4]]}\r\n\n\
                    {\"word\": \"8\", \"n\": null, \"truth\": false, \"grid\": [[0, 0], [0, -1]]}\n\
                    {\"n\": -2.5e1, \"word\": \"7\", \"truth\": true, \"grid\": [[1, 1], [1, 1]], \"late\": \"x\"}\n\
                    {\"n\": 4, \"word\": \"8\", \"truth\": true, \"grid\": [[9, 9], [9, 9]]}";
        for bytes in [text.as_bytes(), &gzip(text.as_bytes())] {
            let dataset = Upload::new(Format::Jsonl, bytes).import().unwrap().open();
            let columns = &dataset.schema().columns;
            let found: Vec<_> =
                columns.iter().map(|column| (&column.name[..], column.kind, column.missing)).collect();
            assert_eq!(
                found,
                [
                    ("n", Kind::Number, 1),
                    ("word", Kind::Category, 0),
                    ("truth", Kind::Category, 0),
                    ("grid", Kind::Tensor, 0),
                    ("late", Kind::Category, 3)
                ]
            );
            assert_eq!(columns[1].classes, ["7", "8"]);
            assert_eq!(columns[2].classes, ["false", "true"]);
            assert_eq!((&columns[3].shape[..], &columns[3].dtype[..]), (&[2, 2][..], "float32"));
            let ColumnData::Numbers(numbers) = dataset.column(0) else { panic!("numbers") };
            assert_eq!((numbers[0], numbers[1].is_nan(), numbers[2]), (1.0, true, -25.0));
            let ColumnData::Tensor(TensorData::F32(grid)) = dataset.column(3) else { panic!("grid") };
            assert_eq!(grid[..8], [1.0, 2.5, 3.0, 4.0, 0.0, 0.0, 0.0, -1.0]);
        }
    }

    #[test]
    fn mistakes_have_their_lines() {
        let refusal = |text: &str| Upload::new(Format::Jsonl, text.as_bytes()).refusal().detail;
        insta::assert_snapshot!([
            refusal("{\"a\": 1}\n{\"a\": 2\n"),
            refusal("{\"a\": 1}\n[1]\n"),
            refusal("{\"a\": 1, \"a\": 2}\n"),
            refusal("{\"a\": {\"b\": 1}}\n"),
            refusal("{\"a\": [[1], [2, 3]]}\n"),
            refusal("{\"a\": [1, \"x\"]}\n"),
            refusal("{\"a\": []}\n"),
            refusal("{\"a\": [1]}\n{\"a\": [1, 2]}\n"),
            refusal("{\"a\": [1]}\n{\"a\": 1}\n"),
            refusal("{\"a\": 1}\n{\"a\": [1]}\n"),
            refusal("{\"a\": [1]}\n{\"b\": 1}\n"),
            refusal("{\"a\": [1e39]}\n"),
            refusal("{\"a\": 1e39}\n"),
            refusal("{\"a\": 1e999}\n"),
            refusal("{\"\": 1}\n"),
            refusal("\n\n"),
        ].join("\n"), @r#"
        line 2: is no JSON object on one line (EOF while parsing an object at column 7)
        line 2: is no JSON object on one line (invalid type: sequence, expected an object)
        line 1: two members are named "a"
        line 1: member "a" is an object; write its members as members of the line, such as "address.city"
        line 1: member "a" holds arrays of different lengths; a tensor has the same shape throughout
        line 1: member "a" is an array that holds "x"; arrays hold numbers alone
        line 1: member "a" holds an empty array
        line 2: column "a" holds an array of shape [2] where the rows before hold [1]
        line 2: column "a" holds arrays in some rows and single values in others
        line 2: column "a" holds arrays in some rows and single values in others
        column "a" holds arrays, and 1 row(s) have none; arrays cannot be filled in
        line 1: member "a" holds a number beyond ±3.4e38, which training computes with
        line 1: "1e+39" is beyond ±3.4e38, which training computes with
        line 1: is no JSON object on one line (number out of range at column 11)
        line 1: a member has no name, or one of more than 1024 bytes
        the file holds no line with a JSON object
        "#);
        let typed =
            Upload::new(Format::Jsonl, b"{\"a\": \"1\"}\n{\"a\": \"x\"}\n").typed(&[("a", Kind::Number)]);
        assert_eq!(typed.refusal().detail, "line 2: \"x\" in column \"a\" is no number");
        let typed = Upload::new(Format::Jsonl, b"{\"a\": [1]}\n").typed(&[("a", Kind::Number)]);
        assert!(typed.refusal().detail.ends_with("is a tensor and cannot be number"));
        let archive = tar(&[("a.jsonl", b"{}")]);
        assert!(
            Upload::new(Format::Jsonl, &archive).refusal().detail.starts_with("the upload is an archive")
        );
    }
}
