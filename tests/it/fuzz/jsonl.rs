//! Uploads of JSON lines.

use lyceum::data::Format;

use super::Check;
use super::idx::hold;

pub(super) fn open() -> Check {
    Box::new(|bytes| hold(Format::Jsonl, bytes))
}
