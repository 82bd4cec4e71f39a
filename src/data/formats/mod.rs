//! One file per format of uploads, and what they share.

pub(super) mod csv;
pub(super) mod idx;
mod records;
