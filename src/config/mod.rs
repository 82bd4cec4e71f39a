//! Every setting of the server: one struct per concern, read from flags, the environment and a file, and the only place
//! that does so. Each limit of the program is one of them, with a default that suits most.

mod access;
mod client;
mod data;
mod demo;
#[cfg(feature = "fault-injection")]
mod faults;
mod file;
mod http;
mod inference;
mod jobs;
mod log;
mod server;
mod traces;
mod worker;

pub use access::Access;
pub use client::Client;
pub use data::Data;
pub use demo::Demo;
#[cfg(feature = "fault-injection")]
pub use faults::Faults;
pub use file::{File, FileError, Source};
pub use http::Http;
pub use inference::Inference;
pub use jobs::Jobs;
pub use log::{Log, LogFormat};
pub use server::{OnShutdown, Server};
pub use traces::Traces;
pub use worker::{ImportWorker, Worker};

/// All of them, as `lyceum serve` takes them.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Config {
    #[command(flatten)]
    pub server: Server,
    #[command(flatten)]
    pub access: Access,
    #[command(flatten)]
    pub http: Http,
    #[command(flatten)]
    pub data: Data,
    #[command(flatten)]
    pub jobs: Jobs,
    #[command(flatten)]
    pub inference: Inference,
    #[command(flatten)]
    pub log: Log,
    #[command(flatten)]
    pub traces: Traces,
}

/// Declares a struct of settings: each a flag of its name, a variable of the environment and a default.
macro_rules! settings {
    (
        $(#[doc = $documentation:literal])*
        pub struct $name:ident, $heading:literal {
            $($(#[doc = $doc:literal])* pub $field:ident: $type:ty = $default:expr, $env:literal;)*
        }
    ) => {
        $(#[doc = $documentation])*
        #[derive(Clone, Debug, clap::Args)]
        #[command(next_help_heading = $heading)]
        pub struct $name {
            $(
                $(#[doc = $doc])*
                #[arg(long, env = $env, default_value_t = $default, hide_short_help = true, value_name = "N")]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default),* }
            }
        }
    };
}
use settings;

#[cfg(test)]
mod tests {
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Program {
        #[command(flatten)]
        config: super::Config,
    }

    #[test]
    fn the_defaults_of_flags_are_those_of_the_types() {
        let read = Program::try_parse_from(["lyceum"]).unwrap().config;
        assert_eq!(format!("{read:?}"), format!("{:?}", super::Config::default()));
    }

    /// The name in the file is the flag's.
    #[test]
    fn a_setting_has_one_name() {
        use clap::CommandFactory as _;
        for argument in Program::command().get_arguments().filter(|argument| argument.get_id() != "help") {
            let flag = argument.get_long().unwrap();
            let variable = format!("LYCEUM_{}", flag.to_uppercase().replace('-', "_"));
            assert_eq!(argument.get_env().unwrap(), &*variable);
        }
    }

    #[test]
    fn flags_are_named_after_their_fields() {
        let read =
            Program::try_parse_from(["lyceum", "--json-body-bytes", "7", "--listen", "[::1]:0"]).unwrap();
        assert_eq!(read.config.http.json_body_bytes, 7);
        assert!(read.config.server.listen.is_ipv6());
    }
}
