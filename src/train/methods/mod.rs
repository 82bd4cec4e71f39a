//! Training methods, one a folder: each owns its loop.

pub mod supervised;
