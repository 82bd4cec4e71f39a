//! Training methods, one a folder: each owns its loop.

pub mod cross_validation;
pub mod learning_rate_finder;
pub mod supervised;
