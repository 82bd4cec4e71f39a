//! How the canonical form lies on disk: `schema.json`, and `cells.bin` with the cells of one column behind the other,
//! each column aligned for its type, little-endian, rows split after split. One file, however many columns there are.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::spec::dataset::{Column, DatasetSchema, Kind};

#[cfg(target_endian = "big")]
compile_error!("the canonical form is mapped as it lies, and it is little-endian");

pub(super) const STORAGE_VERSION: u32 = 1;
pub(super) const SCHEMA_FILE: &str = "schema.json";
pub(super) const CELLS_FILE: &str = "cells.bin";
/// The code of an empty cell of a category.
pub(super) const NO_CLASS: u32 = u32::MAX;

const ALIGNMENT: u64 = 64;

/// The content of `schema.json`.
#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) storage: u32,
    pub(super) schema: DatasetSchema,
    /// The bytes of each column's texts; 0 for columns that are no text.
    pub(super) text_bytes: Vec<u64>,
}

/// Where a column lies in `cells.bin`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    pub(super) offset: u64,
    pub(super) bytes: u64,
    /// Of a text, whose cells are offsets: where its bytes lie.
    pub(super) text: Option<(u64, u64)>,
}

/// Bytes of one element of a type of elements; `None` for a type that no column has.
pub(super) fn element_bytes(dtype: &str) -> Option<u64> {
    match dtype {
        "uint8" | "int8" => Some(1),
        "int16" => Some(2),
        "int32" | "float32" => Some(4),
        "float64" => Some(8),
        _ => None,
    }
}

/// The number of elements of a shape.
pub(super) fn elements(shape: &[u64]) -> Option<u64> {
    shape.iter().try_fold(1_u64, |product, extent| product.checked_mul(*extent))
}

/// The bytes of one cell.
pub(super) fn cell_bytes(column: &Column) -> Option<u64> {
    match column.kind {
        Kind::Number | Kind::Text => Some(8),
        Kind::Category => Some(4),
        Kind::Image => elements(&column.shape),
        Kind::Tensor => elements(&column.shape)?.checked_mul(element_bytes(&column.dtype)?),
        Kind::Tokens => None,
    }
}

/// The places of the columns, and the length of the file; `None` where they exceed every file.
pub(super) fn layout(columns: &[Column], rows: u64, text_bytes: &[u64]) -> Option<(Vec<Region>, u64)> {
    let mut end = 0_u64;
    let mut place = |bytes: u64| -> Option<u64> {
        let offset = end.checked_next_multiple_of(ALIGNMENT)?;
        end = offset.checked_add(bytes)?;
        Some(offset)
    };
    let mut regions = Vec::with_capacity(columns.len());
    for (column, text_bytes) in columns.iter().zip(text_bytes) {
        let cells = if column.kind == Kind::Text { rows.checked_add(1)? } else { rows };
        let bytes = cell_bytes(column)?.checked_mul(cells)?;
        let offset = place(bytes)?;
        let text = match column.kind {
            Kind::Text => Some((place(*text_bytes)?, *text_bytes)),
            _ => None,
        };
        regions.push(Region { offset, bytes, text });
    }
    Some((regions, end))
}

/// Writes `cells.bin`, anywhere in it, then the schema.
pub(super) struct Writer {
    cells: File,
    pub(super) regions: Vec<Region>,
}

impl Writer {
    pub(super) fn create(dir: &Path, regions: Vec<Region>, length: u64) -> io::Result<Self> {
        let cells = File::options().read(true).write(true).create_new(true).open(dir.join(CELLS_FILE))?;
        cells.set_len(length)?;
        Ok(Self { cells, regions })
    }

    /// Writes into the cells of a column, from a byte of its region on.
    pub(super) fn write(&self, column: usize, from: u64, bytes: &[u8]) -> io::Result<()> {
        let region = self.regions[column];
        debug_assert!(from + bytes.len() as u64 <= region.bytes);
        self.cells.write_all_at(bytes, region.offset + from)
    }

    /// Reads back what was written into a column.
    pub(super) fn read(&self, column: usize, from: u64, bytes: &mut [u8]) -> io::Result<()> {
        self.cells.read_exact_at(bytes, self.regions[column].offset + from)
    }

    /// Writes into the texts of a column.
    pub(super) fn write_text(&self, column: usize, from: u64, bytes: &[u8]) -> io::Result<()> {
        let (offset, length) = self.regions[column].text.unwrap_or((0, 0));
        debug_assert!(from + bytes.len() as u64 <= length);
        self.cells.write_all_at(bytes, offset + from)
    }

    /// Syncs the cells and puts the schema beside them.
    pub(super) fn finish(
        self,
        dir: &Path,
        schema: DatasetSchema,
        text_bytes: Vec<u64>,
    ) -> io::Result<DatasetSchema> {
        self.cells.sync_all()?;
        let manifest = Manifest { storage: STORAGE_VERSION, schema, text_bytes };
        let mut file = File::options().write(true).create_new(true).open(dir.join(SCHEMA_FILE))?;
        file.write_all(&serde_json::to_vec(&manifest)?)?;
        file.sync_all()?;
        Ok(manifest.schema)
    }
}
