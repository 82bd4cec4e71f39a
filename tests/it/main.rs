//! The integration tests, one binary so that libtorch is linked once.

mod conformance;
mod http_frame;
mod http_openapi;
mod inference;
mod jobs;
mod lifecycle;
mod maintenance;
mod store;
mod support;
mod training;
