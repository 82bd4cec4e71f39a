//! One file per format of uploads, and what they share.

mod class_names;
pub(super) mod csv;
pub(super) mod idx;
pub(super) mod images;
pub(super) mod jsonl;
mod npy;
pub(super) mod npz;
mod records;
mod splits;
mod table;
