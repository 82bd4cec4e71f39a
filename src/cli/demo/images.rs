//! The test images of MNIST, as they ship, and what is asked about them.

use std::fs::File;
use std::io::Read as _;
use std::ops::Range;
use std::path::Path;

use flate2::read::GzDecoder;
use serde::{Deserialize, Serialize};

use crate::cli::{Exit, say};

pub(super) const SIDE: usize = 28;
const IMAGES_MAGIC: u32 = 2051;
const LABELS_MAGIC: u32 = 2049;

/// Images and what they show.
pub(super) struct Images {
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Images {
    /// Reads the two files of the test part.
    pub(super) fn read(folder: &Path) -> Result<Self, Exit> {
        let file = |name: &str, magic, header| {
            let path = folder.join(name);
            elements(&path, magic, header).map_err(|error| {
                say(format_args!("cannot read {}: {error}", path.display()));
                Exit::Failed
            })
        };
        let pixels = file("t10k-images-idx3-ubyte.gz", IMAGES_MAGIC, 16)?;
        let labels = file("t10k-labels-idx1-ubyte.gz", LABELS_MAGIC, 8)?;
        if labels.is_empty() || pixels.len() != labels.len() * SIDE * SIDE {
            say(format_args!("the test images in {} and their labels do not agree", folder.display()));
            return Err(Exit::Failed);
        }
        Ok(Self { pixels, labels })
    }

    pub(super) fn count(&self) -> usize {
        self.labels.len()
    }

    pub(super) fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }

    /// An image, row by row.
    pub(super) fn rows(&self, index: usize) -> Vec<&[u8]> {
        let size = SIDE * SIDE;
        self.pixels[index * size..(index + 1) * size].chunks_exact(SIDE).collect()
    }

    /// The body that asks what some of them show.
    pub(super) fn body(&self, images: Range<usize>) -> Vec<u8> {
        let inputs = Inputs { inputs: images.map(|index| self.rows(index)).collect() };
        serde_json::to_vec(&inputs).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Inputs<'a> {
    inputs: Vec<Vec<&'a [u8]>>,
}

#[derive(Deserialize)]
pub(super) struct Predictions {
    pub(super) predictions: Vec<Prediction>,
}

#[derive(Deserialize)]
pub(super) struct Prediction {
    pub(super) class: String,
    pub(super) probability: f64,
}

/// The bytes behind the header of a gzipped IDX file.
fn elements(path: &Path, magic: u32, header: usize) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(File::open(path)?).read_to_end(&mut bytes)?;
    if bytes.len() < header || bytes[..4] != magic.to_be_bytes() {
        return Err(std::io::Error::other("it is no such IDX file"));
    }
    Ok(bytes.split_off(header))
}
