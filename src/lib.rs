//! Lyceum is a training-as-a-service server: jobs are posted as JSON, trained with libtorch, watched live,
//! and called for predictions. `src/cli` is the way in; each module says what it is for.

pub mod allocator;
pub mod artifacts;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dashboard;
pub mod data;
pub mod examples;
pub mod fault;
pub mod http;
pub mod inference;
pub mod jobs;
pub mod nn;
pub mod random;
pub mod spec;
pub mod store;
pub mod telemetry;
pub mod torch;
pub mod train;
