//! The words of a job: wire types that know nothing of tensors, HTTP or SQL.

mod block;
mod canonical;
pub mod component;
pub mod dataset;
mod errors;
pub mod field;
mod job;
mod model;
mod pointer;
pub mod record;
pub mod report;

pub use block::Block;
pub use canonical::CanonicalSpec;
pub use component::{Component, ComponentInfo};
pub use errors::{SpecError, SpecErrors};
pub use field::*;
pub use job::*;
pub use model::*;
pub use pointer::Pointer;
pub use record::{FieldInfo, Record};

/// Extents without the batch axis; images are channels-first `[C, H, W]`, sequences `[steps, channels]`.
pub type Shape = Vec<u64>;
