//! `lyceum completions`: what a shell may complete.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Exit, output};

/// Print the completions of a shell.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  \
    lyceum completions bash > ~/.local/share/bash-completion/completions/lyceum\n  \
    lyceum completions zsh > ~/.zfunc/_lyceum\n  \
    lyceum completions fish > ~/.config/fish/completions/lyceum.fish")]
pub(super) struct Completions {
    /// The shell.
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "lyceum", &mut script);
        output::bytes(&script)
    }
}
