//! The integration tests, one binary so that libtorch is linked once.

mod accuracy;
mod conformance;
mod examples;
mod http_frame;
mod http_openapi;
mod inference;
mod jobs;
mod memory;
mod plans;
mod store;
mod support;
mod training;
