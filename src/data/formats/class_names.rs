//! Names of classes whose labels are numbers: a file `classes.txt` beside the labels, a name a line, or what the upload
//! says.

use std::io::Read;

use super::splits;
use crate::data::archive;
use crate::data::import::{ImportError, ImportRequest, shown};

/// The longest name of a class.
pub(super) const LONGEST: usize = 1_024;

/// The file that names the classes.
pub(super) fn is_class_file(member: &str) -> bool {
    splits::base(member).eq_ignore_ascii_case("classes.txt") && !splits::is_hidden(member)
}

/// Reads a file of names.
pub(super) fn read(content: &mut dyn Read) -> Result<Vec<String>, ImportError> {
    const MOST_BYTES: u64 = 4 << 20;
    let mut text = Vec::new();
    content.take(MOST_BYTES + 1).read_to_end(&mut text).map_err(archive::read_failure)?;
    if text.len() as u64 > MOST_BYTES {
        return Err(ImportError::too_large(format!("has more than {MOST_BYTES} bytes")));
    }
    let text = String::from_utf8(text).map_err(|_| ImportError::unprocessable("is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
    Ok(text.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect())
}

/// The names that hold: those of the upload's query, else those of its file. None where there are neither.
pub(super) fn settle(
    request: &ImportRequest<'_>,
    of_file: Option<Vec<String>>,
) -> Result<Option<Vec<String>>, ImportError> {
    let of_query = Some(request.hints.classes.clone()).filter(|names| !names.is_empty());
    let Some(names) = of_query.or(of_file) else { return Ok(None) };
    if names.len() as u64 > request.limits.classes {
        return Err(ImportError::too_large(format!(
            "there are more than {} classes",
            request.limits.classes
        )));
    }
    let mut seen = std::collections::HashSet::new();
    for (label, name) in names.iter().enumerate() {
        if name.trim().is_empty() || name.len() > LONGEST {
            return Err(ImportError::unprocessable(format!(
                "class {label} has no name, or one of more than {LONGEST} bytes"
            )));
        }
        if !seen.insert(name) {
            return Err(ImportError::unprocessable(format!("two classes are named {}", shown(name))));
        }
    }
    Ok(Some(names))
}

/// Refuses a label without a name.
pub(super) fn unnamed(label: f64, names: usize) -> ImportError {
    ImportError::unprocessable(format!(
        "holds the label {label}, and there are names for the classes 0 to {} alone",
        names.saturating_sub(1)
    ))
}
