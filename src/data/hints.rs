//! What the sender of an upload says of it, where the upload itself does not tell.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::import::{Format, ImportError, shown};
use crate::spec::dataset::Kind;

crate::choices! {
    /// How a picture is brought to the size of a set's images.
    pub enum Resize {
        /// Height and width each by its own factor.
        Stretch = "stretch",
        /// As large as covers the size, and what hangs over is cut off on both sides alike.
        Crop = "crop",
        /// As large as fits into the size, black on both sides of it.
        Pad = "pad",
    }
}

/// The most lines, and the most pixels of a line, that pictures are brought to.
pub const LONGEST_SIDE: u64 = 4_096;

/// Hints of an upload; none is needed where the upload speaks for itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hints {
    /// `types=`: kinds of columns that are not as they would be found.
    pub types: Vec<(String, Kind)>,
    /// `size=`: height and width that every picture is brought to.
    pub size: Option<[u64; 2]>,
    /// `resize=`: how; `stretch` where it is absent.
    pub resize: Option<Resize>,
    /// `classes=`: the names of the labels 0, 1, 2 …
    pub classes: Vec<String>,
}

impl Hints {
    /// The kind that a column is said to have.
    pub(super) fn kind(&self, column: &str) -> Option<Kind> {
        self.types.iter().find(|(other, _)| other == column).map(|(_, kind)| *kind)
    }

    /// Refuses hints that contradict one another, and those that mean nothing for a format.
    pub(super) fn check(&self, format: Format) -> Result<(), ImportError> {
        let refuse = |detail: String| Err(ImportError::unprocessable(detail));
        for (index, (column, kind)) in self.types.iter().enumerate() {
            if self.types[..index].iter().any(|(other, other_kind)| other == column && other_kind != kind) {
                return refuse(format!("types: {} is given two kinds", shown(column)));
            }
        }
        if format != Format::Images && (self.size.is_some() || self.resize.is_some()) {
            return refuse(format!("size and resize are for format=images, not for {format}"));
        }
        if self.resize.is_some() && self.size.is_none() {
            return refuse("resize needs a size, such as size=64x64".into());
        }
        if !matches!(format, Format::Idx | Format::Npz) && !self.classes.is_empty() {
            return refuse(format!(
                "classes names the labels of idx and npz files; a set in {format} has the classes that it holds"
            ));
        }
        Ok(())
    }

    /// What is said beside the kinds of columns; nothing where nothing is.
    pub(super) fn beside_types(&self) -> Option<Value> {
        let said = self.size.is_some() || self.resize.is_some() || !self.classes.is_empty();
        said.then(|| json!({"size": self.size, "resize": self.resize, "classes": self.classes}))
    }

    /// The hints as they are kept with a version: kinds by column, and what else was said under the query's words.
    pub fn document(&self) -> Value {
        let kinds = self.types.iter().map(|(column, kind)| (column.clone(), kind.word().into()));
        let kinds: Map<String, Value> = kinds.collect();
        match self.beside_types() {
            None => kinds.into(),
            Some(mut said) => {
                said["types"] = kinds.into();
                said
            }
        }
    }
}
