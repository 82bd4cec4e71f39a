//! The integration tests, one binary so that libtorch is linked once.

mod conformance;
mod http_data;
mod http_events;
mod http_frame;
mod http_jobs;
mod http_models;
mod http_openapi;
mod http_operations;
mod http_refusals;
mod inference;
mod jobs;
mod store;
mod support;
mod training;
