//! The integration tests, one binary so that libtorch is linked once.

#![expect(clippy::expect_used, reason = "as it does, with a word of why")]
#![expect(clippy::print_stdout, reason = "tests that measure print what they found")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails where it stands")]
#![expect(clippy::disallowed_methods, reason = "tests wait by the clock on the wall")]
#![expect(clippy::needless_pass_by_value, reason = "the callers write json!(…)")]

mod access;
mod accuracy;
mod architecture;
mod cli;
mod components;
mod conformance;
#[cfg(feature = "fault-injection")]
mod crash;
mod cross_validation;
mod distribution;
mod docs;
mod examples;
mod fuzz;
mod golden;
mod hostile;
mod http2;
mod http_audit;
mod http_dashboard;
mod http_data;
mod http_events;
mod http_frame;
mod http_inference;
mod http_jobs;
mod http_jobs_many;
mod http_models;
mod http_openapi;
mod http_operations;
mod http_refusals;
mod http_session;
mod http_socket;
mod http_tls;
mod inference;
mod jobs;
mod lifecycle;
mod maintenance;
mod memory;
mod networks;
mod overload;
mod plans;
mod readme;
mod retention;
mod rewrites;
mod scarcity;
mod schemas;
mod settings;
mod soak;
mod store;
mod support;
mod tables;
mod torture;
mod traces;
mod training;
mod transfer;
