//! The command line: one command per file.

mod maintenance;
mod openapi;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{config, jobs, telemetry};

/// Training as a service: post a deep-learning job as JSON, watch it train, call the model.
#[derive(Parser)]
#[command(name = "lyceum", version, max_term_width = 110)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Serve),
    Openapi(openapi::Openapi),
    Backup(maintenance::Backup),
    Restore(maintenance::Restore),
    Doctor(maintenance::Doctor),
    Gc(maintenance::Gc),
    #[command(hide = true)]
    RunWorker(config::Worker),
    #[command(hide = true)]
    ImportWorker(config::ImportWorker),
}

/// Why a command ended otherwise than well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The job, or the command itself, failed.
    Failed = 1,
    /// Wrong usage, or the server refused what was sent.
    Refused = 2,
}

/// Runs the command that this process was given.
pub fn run() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(serve) => ended(serve.run()),
        Command::Openapi(openapi) => ended(openapi.run()),
        Command::Backup(backup) => ended(backup.run()),
        Command::Restore(restore) => ended(restore.run()),
        Command::Doctor(doctor) => ended(doctor.run()),
        Command::Gc(gc) => ended(gc.run()),
        Command::RunWorker(settings) => {
            if telemetry::init(&config::Log::default()).is_err() {
                return ExitCode::FAILURE;
            }
            jobs::worker::main(&settings)
        }
        Command::ImportWorker(settings) => jobs::worker::import::main(&settings),
    }
}

/// Says on standard error why a command ends.
pub(crate) fn say(why: impl std::fmt::Display) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr(), "lyceum: {why}");
}

fn ended(result: Result<(), Exit>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => ExitCode::from(exit as u8),
    }
}
