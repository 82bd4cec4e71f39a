//! The `lyceum` binary.

use std::process::ExitCode;

use clap::Parser;
use lyceum::{config, jobs, telemetry};

/// What the server starts of itself.
#[derive(Parser)]
enum Command {
    #[command(hide = true)]
    RunWorker(config::Worker),
    #[command(hide = true)]
    ImportWorker(config::ImportWorker),
}

fn main() -> ExitCode {
    if telemetry::init(&config::Log::default()).is_err() {
        return ExitCode::FAILURE;
    }
    match Command::parse() {
        Command::RunWorker(settings) => jobs::worker::main(&settings),
        Command::ImportWorker(settings) => jobs::worker::import::main(&settings),
    }
}
