//! What the tests of this folder share: small uploads, imported and opened.

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::{Dataset, Format, Hints, ImportError, ImportLimits, ImportRequest, Preprocessing, import};
use crate::spec::dataset::{DatasetRef, DatasetSchema, Kind};
use crate::spec::{Field, Pointer, SpecErrors};

/// An imported upload, in a folder that goes with it.
pub(super) struct Imported {
    pub(super) folder: tempfile::TempDir,
    pub(super) schema: DatasetSchema,
}

pub(super) struct Upload<'a> {
    pub(super) format: Format,
    pub(super) bytes: &'a [u8],
    pub(super) hints: Hints,
    pub(super) limits: ImportLimits,
}

impl<'a> Upload<'a> {
    pub(super) fn new(format: Format, bytes: &'a [u8]) -> Self {
        Self { format, bytes, hints: Hints::default(), limits: ImportLimits::default() }
    }

    /// With kinds of columns that are not to be found out.
    pub(super) fn typed(mut self, types: &[(&str, Kind)]) -> Self {
        self.hints.types = types.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect();
        self
    }

    pub(super) fn import(&self) -> Result<Imported, ImportError> {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("upload");
        std::fs::write(&source, self.bytes).unwrap();
        let out_dir = folder.path().join("canonical");
        std::fs::create_dir(&out_dir).unwrap();
        let schema = import(&ImportRequest {
            format: self.format,
            name: "test",
            source: &source,
            hints: &self.hints,
            limits: &self.limits,
            out_dir: &out_dir,
        })?;
        Ok(Imported { folder, schema })
    }

    pub(super) fn refusal(&self) -> super::Refusal {
        match self.import() {
            Err(ImportError::Refused(refusal)) => refusal,
            Err(other) => panic!("{other}"),
            Ok(imported) => panic!("accepted: {:?}", imported.schema),
        }
    }
}

impl Imported {
    pub(super) fn dir(&self) -> std::path::PathBuf {
        self.folder.path().join("canonical")
    }

    /// The folder goes, the mapping stays.
    pub(super) fn open(&self) -> Arc<Dataset> {
        Dataset::open(&self.dir()).unwrap()
    }
}

pub(super) fn csv(text: &str) -> Arc<Dataset> {
    Upload::new(Format::Csv, text.as_bytes()).import().unwrap().open()
}

/// The bytes of an IDX file.
pub(super) fn idx_file(code: u8, extents: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, code, extents.len() as u8];
    bytes.extend(extents.iter().flat_map(|extent| extent.to_be_bytes()));
    bytes.extend_from_slice(elements);
    bytes
}

/// Images of which each is its own number throughout, and labels that count modulo three.
pub(super) fn images_and_labels(count: u32, height: u32, width: u32) -> [Vec<u8>; 2] {
    let pixels: Vec<u8> =
        (0..count).flat_map(|image| vec![(image % 256) as u8; (height * width) as usize]).collect();
    let labels: Vec<u8> = (0..count).map(|image| (image % 3) as u8).collect();
    [idx_file(8, &[count, height, width], &pixels), idx_file(8, &[count], &labels)]
}

pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(super) fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, Path::new(name), *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

pub(super) fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

pub(super) fn at() -> Pointer {
    Pointer::root().key("training").key("dataset")
}

/// A job's `dataset`, its name left out.
pub(super) fn reference(mut body: Value) -> DatasetRef {
    body["name"] = "test".into();
    let mut errors = SpecErrors::new();
    let read = DatasetRef::read(&body, &at(), &mut errors);
    errors.into_result(read).unwrap()
}

/// Fitted on all rows.
pub(super) fn fit(dataset: &Dataset, body: Value) -> Result<(Preprocessing, Vec<String>), SpecErrors> {
    let rows: Vec<u32> = (0..dataset.rows() as u32).collect();
    Preprocessing::fit(dataset, &reference(body), &rows, &at())
}

/// The bytes of a `.npy` file.
pub(super) fn npy(descr: &str, fortran: bool, shape: &str, elements: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\0", &length[..], header.as_bytes(), elements].concat()
}
