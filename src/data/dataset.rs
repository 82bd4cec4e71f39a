//! The canonical form of a version of a data set, mapped into memory.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;

use super::storage::{self, CELLS_FILE, Manifest, NO_CLASS, Region, SCHEMA_FILE, STORAGE_VERSION};
use crate::spec::dataset::{Column, DatasetSchema, Kind};

/// Why a stored data set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    #[error("the stored data set is damaged: {0}")]
    Damaged(String),
    #[error("the stored data set cannot be read: {0}")]
    Io(#[from] std::io::Error),
    /// The data set does not have the columns that a model was trained on.
    #[error("{0}")]
    Mismatch(String),
}

/// A version of a data set, opened. Cheap to share; the cells are read from the mapping.
pub struct Dataset {
    schema: DatasetSchema,
    cells: Mmap,
    regions: Vec<Region>,
}

/// The cells of a column, one after the other.
#[derive(Clone, Copy, Debug)]
pub enum ColumnData<'a> {
    /// Not a number where the cell is empty.
    Numbers(&'a [f64]),
    /// Indices into the column's classes; `u32::MAX` where the cell is empty.
    Codes(&'a [u32]),
    /// `[C, H, W]` bytes a row.
    Pixels(&'a [u8]),
    Tensor(TensorData<'a>),
    /// Row `i` is `bytes[offsets[i]..offsets[i + 1]]`.
    Text {
        offsets: &'a [u64],
        bytes: &'a [u8],
    },
}

/// The elements of a tensor column, in the type they were uploaded in.
#[derive(Clone, Copy, Debug)]
pub enum TensorData<'a> {
    U8(&'a [u8]),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    F32(&'a [f32]),
    F64(&'a [f64]),
}

/// Runs a body with the elements' slice, whatever their type.
macro_rules! with_elements {
    ($data:expr, |$elements:ident| $body:expr) => {
        match $data {
            $crate::data::TensorData::U8($elements) => $body,
            $crate::data::TensorData::I8($elements) => $body,
            $crate::data::TensorData::I16($elements) => $body,
            $crate::data::TensorData::I32($elements) => $body,
            $crate::data::TensorData::F32($elements) => $body,
            $crate::data::TensorData::F64($elements) => $body,
        }
    };
}
pub(super) use with_elements;

/// An element of a tensor as the network's type. A double loses what a single does not hold.
pub(super) trait Element: Copy {
    fn single(self) -> f32;
    fn double(self) -> f64;
}

macro_rules! elements {
    ($($type:ty),*) => {$(
        impl Element for $type {
            #[inline]
            #[allow(clippy::cast_lossless, clippy::allow_attributes, reason = "one body for every type")]
            fn single(self) -> f32 {
                self as f32
            }

            #[inline]
            #[allow(clippy::cast_lossless, clippy::allow_attributes, reason = "one body for every type")]
            fn double(self) -> f64 {
                self as f64
            }
        }
    )*};
}
elements!(u8, i8, i16, i32, f32, f64);

impl Dataset {
    /// Opens the folder that `import` wrote, checked against its own description.
    pub fn open(dir: &Path) -> Result<Arc<Self>, DataError> {
        Self::read(dir).map(Arc::new)
    }

    /// The same, under the name and version that the store gave it.
    pub fn open_as(dir: &Path, name: &str, version: u32) -> Result<Arc<Self>, DataError> {
        let mut dataset = Self::read(dir)?;
        name.clone_into(&mut dataset.schema.name);
        dataset.schema.version = version;
        Ok(Arc::new(dataset))
    }

    /// Whether a folder has the files of a data set, and was not left with a part of them.
    pub fn stands_in(dir: &Path) -> bool {
        [SCHEMA_FILE, CELLS_FILE].iter().all(|file| dir.join(file).is_file())
    }

    fn read(dir: &Path) -> Result<Self, DataError> {
        const LONGEST_SCHEMA: u64 = 512 << 20;
        let mut text = Vec::new();
        File::open(dir.join(SCHEMA_FILE))?.take(LONGEST_SCHEMA).read_to_end(&mut text)?;
        let manifest: Manifest = serde_json::from_slice(&text)
            .map_err(|error| DataError::Damaged(format!("{SCHEMA_FILE}: {error}")))?;
        let regions = check_manifest(&manifest)?;
        let file = File::open(dir.join(CELLS_FILE))?;
        let expected = regions.1;
        if file.metadata()?.len() != expected {
            return Err(DataError::Damaged(format!(
                "{CELLS_FILE} has not the {expected} bytes of its schema"
            )));
        }
        let dataset = Self { schema: manifest.schema, cells: map(&file)?, regions: regions.0 };
        dataset.check_cells()?;
        Ok(dataset)
    }

    pub fn schema(&self) -> &DatasetSchema {
        &self.schema
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.schema.examples as usize
    }

    /// The cells of the column of that index in the schema.
    pub fn column(&self, index: usize) -> ColumnData<'_> {
        let Region { offset, bytes, text } = self.regions[index];
        let cells = &self.cells[offset as usize..(offset + bytes) as usize];
        let column = &self.schema.columns[index];
        match column.kind {
            Kind::Number => ColumnData::Numbers(bytemuck::cast_slice(cells)),
            Kind::Category => ColumnData::Codes(bytemuck::cast_slice(cells)),
            Kind::Image => ColumnData::Pixels(cells),
            Kind::Tensor | Kind::Tokens => ColumnData::Tensor(match column.dtype.as_str() {
                "int8" => TensorData::I8(bytemuck::cast_slice(cells)),
                "int16" => TensorData::I16(bytemuck::cast_slice(cells)),
                "int32" => TensorData::I32(bytemuck::cast_slice(cells)),
                "float32" => TensorData::F32(bytemuck::cast_slice(cells)),
                "float64" => TensorData::F64(bytemuck::cast_slice(cells)),
                _ => TensorData::U8(cells),
            }),
            Kind::Text => {
                let (offset, length) = text.unwrap_or((0, 0));
                ColumnData::Text {
                    offsets: bytemuck::cast_slice(cells),
                    bytes: &self.cells[offset as usize..(offset + length) as usize],
                }
            }
        }
    }

    /// The column of that name with its index.
    pub fn find(&self, name: &str) -> Option<(usize, &Column)> {
        self.schema.columns.iter().enumerate().find(|(_, column)| column.name == name)
    }

    /// The bytes of a column's cells; 0 where there is none of that name.
    pub fn column_bytes(&self, name: &str) -> u64 {
        self.find(name).map_or(0, |(index, _)| self.regions[index].bytes)
    }

    /// Whether a cell is empty.
    pub(super) fn is_missing(&self, column: usize, row: usize) -> bool {
        match self.column(column) {
            ColumnData::Numbers(cells) => cells[row].is_nan(),
            ColumnData::Codes(cells) => cells[row] == NO_CLASS,
            ColumnData::Text { offsets, .. } => offsets[row] == offsets[row + 1],
            ColumnData::Pixels(_) | ColumnData::Tensor(_) => false,
        }
    }

    /// What is used as an index without a look is looked at once, here.
    fn check_cells(&self) -> Result<(), DataError> {
        for (index, column) in self.schema.columns.iter().enumerate() {
            let fits = match self.column(index) {
                ColumnData::Codes(codes) => {
                    codes.iter().all(|code| *code == NO_CLASS || (*code as usize) < column.classes.len())
                }
                ColumnData::Text { offsets, bytes } => {
                    offsets.first() == Some(&0)
                        && offsets.last() == Some(&(bytes.len() as u64))
                        && offsets.is_sorted()
                }
                _ => true,
            };
            if !fits {
                return Err(DataError::Damaged(format!(
                    "the cells of column {:?} do not fit its schema",
                    column.name
                )));
            }
        }
        Ok(())
    }
}

fn check_manifest(manifest: &Manifest) -> Result<(Vec<Region>, u64), DataError> {
    let schema = &manifest.schema;
    let damaged = |detail: &str| DataError::Damaged(format!("{SCHEMA_FILE}: {detail}"));
    if manifest.storage != STORAGE_VERSION {
        return Err(DataError::Damaged(format!("its storage version {} is not known", manifest.storage)));
    }
    let rows = schema.splits.iter().try_fold(0_u64, |sum, (_, rows)| sum.checked_add(*rows));
    if rows != Some(schema.examples) || schema.examples >= u64::from(u32::MAX) {
        return Err(damaged("the splits do not add up to the examples"));
    }
    if manifest.text_bytes.len() != schema.columns.len() {
        return Err(damaged("the columns' texts are not those of its columns"));
    }
    let known = |column: &Column| match column.kind {
        Kind::Tensor => storage::element_bytes(&column.dtype).is_some(),
        Kind::Tokens => false,
        _ => true,
    };
    if !schema.columns.iter().all(known) {
        return Err(damaged("a column is of a kind or type that is not known"));
    }
    storage::layout(&schema.columns, schema.examples, &manifest.text_bytes)
        .ok_or_else(|| damaged("it is too large"))
}

#[expect(
    unsafe_code,
    reason = "a version's files are written once, under a name of their content, and never changed"
)]
pub(super) fn map(file: &File) -> std::io::Result<Mmap> {
    // SAFETY: nothing of ours writes to the file once it has its name, and the data folder is ours alone.
    unsafe { Mmap::map(file) }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileExt;

    use super::*;
    use crate::data::testing::Upload;
    use crate::data::{Digest, Format, Hints, content_digest, sha256};

    #[test]
    fn damage_is_found_when_a_set_is_opened() {
        let upload = Upload::new(Format::Csv, b"n,c,t\n1,a,one\n2,b,two\n3,a,three\n4,b,four\n");
        let change = |change: &dyn Fn(&Path)| {
            let imported = upload.import().unwrap();
            change(&imported.dir());
            Dataset::open(&imported.dir()).err().expect("damage must be found").to_string()
        };
        let cells = |dir: &Path| File::options().write(true).open(dir.join(CELLS_FILE)).unwrap();
        assert!(change(&|dir| cells(dir).set_len(10).unwrap()).contains("has not the"));
        // The codes stand behind the four numbers, at the next multiple of 64.
        assert!(change(&|dir| cells(dir).write_all_at(&[9], 64).unwrap()).contains("column \"c\""));
        assert!(change(&|dir| cells(dir).write_all_at(&[0xff], 128 + 8).unwrap()).contains("column \"t\""));
        assert!(
            change(&|dir| std::fs::write(dir.join(SCHEMA_FILE), "{}").unwrap()).contains("missing field")
        );
        assert!(
            change(&|dir| std::fs::remove_file(dir.join(CELLS_FILE)).unwrap()).contains("cannot be read")
        );
        let edited = |from: &str, to: &str| {
            change(&|dir| {
                let text = std::fs::read_to_string(dir.join(SCHEMA_FILE)).unwrap();
                assert!(text.contains(from), "{text}");
                std::fs::write(dir.join(SCHEMA_FILE), text.replacen(from, to, 1)).unwrap();
            })
        };
        assert!(edited("\"examples\":4", "\"examples\":5").contains("do not add up"));
        assert!(edited("\"storage\":1", "\"storage\":2").contains("version 2"));
        assert!(edited("\"kind\":\"number\"", "\"kind\":\"tokens\"").contains("not known"));
    }

    #[test]
    fn a_set_has_the_name_that_the_store_gives_it() {
        let imported = Upload::new(Format::Csv, b"a\n1\n2\n").import().unwrap();
        let dataset = Dataset::open_as(&imported.dir(), "other", 3).unwrap();
        assert_eq!((&dataset.schema().name[..], dataset.schema().version), ("other", 3));
        assert_eq!(dataset.schema().bytes, 6);
        assert_eq!(dataset.schema().sha256, sha256(&mut &b"a\n1\n2\n"[..]).unwrap().0);
    }

    #[test]
    fn a_version_is_known_by_its_bytes_its_format_and_its_hints() {
        let bytes = sha256(&mut &b"abc"[..]).unwrap();
        assert_eq!(bytes, Digest("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into()));
        let of = |format, types: &[(&str, Kind)]| {
            let types: Vec<_> = types.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
            content_digest(&bytes, format, &Hints { types, ..Hints::default() })
        };
        let (a, b) = (("a", Kind::Text), ("b", Kind::Number));
        assert_eq!(of(Format::Csv, &[a, b]), of(Format::Csv, &[b, a]));
        assert_ne!(of(Format::Csv, &[a, b]), of(Format::Csv, &[a]));
        assert_ne!(of(Format::Csv, &[]), of(Format::Idx, &[]));
        assert_eq!(of(Format::Csv, &[]).0.len(), 64);
        let sized = Hints { size: Some([2, 3]), ..Hints::default() };
        assert_ne!(of(Format::Images, &[]), content_digest(&bytes, Format::Images, &sized));
    }
}
