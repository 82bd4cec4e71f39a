//! Small data sets that inputs are tried on.

use std::path::Path;
use std::sync::Arc;

use lyceum::data::{Dataset, Format, Hints, ImportError, ImportLimits, ImportRequest, import};
use lyceum::spec::dataset::DatasetSchema;
use lyceum::train::{Catalog, CatalogError};

use super::session::scratch;
use crate::support::bodies::IRIS;
use crate::support::{example_data, idx};

/// Numbers, categories and texts, some of them missing.
const TABLE: &str = "n,c,t,w,y\n1.5,red,one,0,a\n,blue,two,1,b\n-2,,three,2,a\n3e3,red,,3,b\n0,blue,five,4,a\n7,red,six,5,b\n";

/// Reads an upload into an empty folder.
pub(super) fn read(format: Format, upload: &[u8], out_dir: &Path) -> Result<DatasetSchema, ImportError> {
    let source = out_dir.with_extension("upload");
    std::fs::write(&source, upload).unwrap();
    std::fs::create_dir(out_dir).unwrap();
    let limits =
        ImportLimits { unpacked_bytes: 8 << 20, canonical_bytes: 8 << 20, ..ImportLimits::default() };
    import(&ImportRequest {
        format,
        name: "fuzz",
        source: &source,
        hints: &Hints::default(),
        limits: &limits,
        out_dir,
    })
}

/// An upload that is known to be right, as a set; the mapping outlives its folder.
pub(super) fn dataset(name: &str, format: Format, upload: &[u8]) -> Arc<Dataset> {
    let folder = scratch();
    let out = folder.path().join("set");
    read(format, upload, &out).unwrap();
    Dataset::open_as(&out, name, 1).unwrap()
}

/// What jobs are planned on.
pub(super) struct Sets(Vec<Arc<Dataset>>);

impl Sets {
    pub(super) fn open() -> Self {
        let every_tenth: Vec<&str> = IRIS.lines().step_by(10).collect();
        let images = idx::tar(&idx::files("", &idx::squares(12)));
        let side = 512_u32.to_be_bytes();
        let large = [&[0, 0, 8, 3][..], &1_u32.to_be_bytes(), &side, &side, &[7].repeat(512 * 512)].concat();
        let large = vec![
            ("train-images-idx3-ubyte".to_owned(), large),
            ("train-labels-idx1-ubyte".to_owned(), [&[0, 0, 8, 1][..], &1_u32.to_be_bytes(), &[0]].concat()),
        ];
        Self(vec![
            dataset("large", Format::Idx, &idx::tar(&large)),
            dataset("iris", Format::Csv, every_tenth.join("\n").as_bytes()),
            dataset("perceptron", Format::Csv, &example_data("perceptron", (0, 0)).1),
            dataset("table", Format::Csv, TABLE.as_bytes()),
            dataset("squares", Format::Idx, &images),
            dataset("mnist", Format::Idx, &example_data("mnist", (8, 4)).1),
        ])
    }

    pub(super) fn get(&self, name: &str) -> &Arc<Dataset> {
        self.0.iter().find(|set| set.schema().name == name).unwrap()
    }
}

impl Catalog for Sets {
    fn dataset(&self, name: &str, version: Option<u32>) -> Result<Arc<Dataset>, CatalogError> {
        let named = self.0.iter().find(|set| set.schema().name == name);
        match (named, version) {
            (Some(set), None | Some(1)) => Ok(set.clone()),
            (Some(_), _) => Err(CatalogError::UnknownVersion { latest: 1 }),
            (None, _) => {
                Err(CatalogError::UnknownName(self.0.iter().map(|set| set.schema().name.clone()).collect()))
            }
        }
    }
}
