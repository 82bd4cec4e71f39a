//! A data set as the API shows it, and as people read it.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::figures;
use crate::cli::table::Table;

/// More classes than these are counted, not named.
const CLASSES: usize = 10;

#[derive(Deserialize)]
pub(super) struct Dataset {
    name: String,
    version: u32,
    format: String,
    examples: u64,
    bytes: u64,
    sha256: String,
    created_at: String,
    splits: Map<String, Value>,
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    kind: String,
    dtype: String,
    shape: Vec<u64>,
    classes: Vec<String>,
    missing: u64,
}

impl Dataset {
    /// As a row of a list.
    pub(super) fn row(&self) -> [String; 6] {
        [
            self.name.clone(),
            self.version.to_string(),
            self.format.clone(),
            figures::count(self.examples),
            figures::bytes(self.bytes),
            figures::moment(&self.created_at),
        ]
    }

    /// In a line.
    pub(super) fn line(&self) -> String {
        let Self { name, version, .. } = self;
        let (examples, columns) = (figures::count(self.examples), self.columns.len());
        format!("{name} version {version}: {examples} examples, {columns} columns")
    }

    /// Everything about it, column by column.
    pub(super) fn describe(&self) -> String {
        let mut fields = Table::fields();
        fields.field("data set", &self.name[..]);
        fields.field("version", self.version.to_string());
        fields.field("format", &self.format[..]);
        let split = |(name, examples): (&String, &Value)| {
            format!("{name} {}", figures::count(examples.as_u64().unwrap_or(0)))
        };
        let splits: Vec<String> = self.splits.iter().map(split).collect();
        fields.field("examples", format!("{} ({})", figures::count(self.examples), splits.join(", ")));
        fields.field("size", figures::bytes(self.bytes));
        fields.field("sha256", &self.sha256[..]);
        fields.field("created", figures::moment(&self.created_at));

        let mut columns =
            Table::new(&["COLUMN", "KIND", "TYPE", "SHAPE", "MISSING", "CLASSES"]).figures(&[4]);
        for column in &self.columns {
            columns.row(column.row());
        }
        format!("{fields}\n\n{columns}")
    }
}

impl Column {
    fn row(&self) -> [String; 6] {
        [
            self.name.clone(),
            self.kind.clone(),
            self.dtype.clone(),
            shape(&self.shape),
            figures::count(self.missing),
            classes(&self.classes),
        ]
    }
}

/// `(1, 28, 28)`, and nothing for a single value.
pub(in crate::cli) fn shape(shape: &[u64]) -> String {
    let extents: Vec<String> = shape.iter().map(u64::to_string).collect();
    if extents.is_empty() { String::new() } else { format!("({})", extents.join(", ")) }
}

pub(in crate::cli) fn classes(classes: &[String]) -> String {
    match classes.len() {
        0..=CLASSES => classes.join(", "),
        more => format!("{}, … ({})", classes[..CLASSES].join(", "), figures::count(more as u64)),
    }
}
