//! Where traces are sent.

/// Where traces are sent.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Traces {
    /// The collector that is told of requests and runs, by OTLP over HTTP, such as `http://localhost:4318`; nobody where
    /// it is absent.
    #[arg(long, env = "LYCEUM_OTLP_ENDPOINT", hide_short_help = true, value_name = "URL")]
    pub otlp_endpoint: Option<String>,
}
