//! What is logged, and how.

/// What is logged, and how.
#[derive(Clone, Debug, clap::Args)]
pub struct Log {
    /// What is logged: a level, or levels by module (`info`, `warn,lyceum::jobs=debug`).
    #[arg(long, env = "LYCEUM_LOG", default_value = "info", value_name = "FILTER")]
    pub log: String,
    /// The form of the log.
    #[arg(long, env = "LYCEUM_LOG_FORMAT", default_value_t = LogFormat::Text, value_enum)]
    pub log_format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Self { log: "info".into(), log_format: LogFormat::Text }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// A line for people.
    Text,
    /// A JSON object a line.
    Json,
}

impl std::fmt::Display for LogFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}
