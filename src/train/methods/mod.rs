//! Training methods, one a folder: each owns its loop.

pub mod learning_rate_finder;
pub mod supervised;
