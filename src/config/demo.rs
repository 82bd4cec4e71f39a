//! What the demonstration may be told.

use std::path::PathBuf;

use super::server::DATA_DIR;

/// What the demonstration may be told.
#[derive(Clone, Debug, clap::Args)]
#[group(skip)]
pub struct Demo {
    /// The folder that the server keeps everything in; made where it is missing, and left behind.
    #[arg(long, env = "LYCEUM_DATA_DIR", default_value = DATA_DIR, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The folder of the data sets that ship; by default `datasets` beside the program's folder.
    #[arg(long, env = "LYCEUM_SHIPPED_DATASETS", hide_short_help = true, value_name = "DIR")]
    pub shipped_datasets: Option<PathBuf>,
}
