//! The little that tch lacks: kernels and memory formats through a C++ shim, ordered parameters, safetensors files.

pub mod cuda;
pub mod memory;
pub mod ops;
mod parameters;
pub mod safetensors;

pub use parameters::{Parameter, Parameters};

/// The version of libtorch that this program is built against; it belongs to tch's.
pub const LIBTORCH_VERSION: &str = "2.11.0";

/// What libtorch says of a failed call.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TorchError(pub String);
