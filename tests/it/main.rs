//! The integration tests, one binary so that libtorch is linked once.

mod cli;
mod conformance;
mod http_frame;
mod http_openapi;
mod inference;
mod jobs;
mod store;
mod support;
mod training;
