//! The command line: one command per file.

mod client;
mod completions;
mod datasets;
mod demo;
mod figures;
mod input;
mod jobs;
mod keys;
mod maintenance;
mod models;
mod openapi;
mod output;
mod plan;
mod serve;
mod table;
mod watch;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::{config, jobs as queue, telemetry};

/// Training as a service: post a deep-learning job as JSON, watch it train, call the model.
#[derive(Parser)]
#[command(
    name = "lyceum",
    version,
    max_term_width = 110,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = "Examples:
  lyceum demo                              see it all at work, on handwritten digits
  lyceum serve                             start a server
  lyceum jobs submit job.json --watch      train, and watch
  lyceum models predict iris flowers.json  call the model

The commands plan, datasets, jobs and models ask the server at --server or
LYCEUM_SERVER, by default http://127.0.0.1:8080.

Exit codes: 0 done, 1 the job or the command failed, 2 wrong usage or refused by
the server, 3 the job was cancelled, 4 no server answers, 130 interrupted."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Serve(Box<serve::Serve>),
    Plan(plan::Plan),
    Datasets(datasets::Datasets),
    Jobs(jobs::Jobs),
    Models(models::Models),
    Keys(keys::Keys),
    Openapi(openapi::Openapi),
    Completions(completions::Completions),
    Backup(maintenance::Backup),
    Restore(maintenance::Restore),
    Doctor(maintenance::Doctor),
    Gc(maintenance::Gc),
    #[command(hide = true)]
    RunWorker(config::Worker),
    #[command(hide = true)]
    ImportWorker(config::ImportWorker),
    #[command(hide = true)]
    CountGpus,
}

/// Why a command ended otherwise than well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The job, or the command itself, failed.
    Failed = 1,
    /// Wrong usage, or the server refused what was sent.
    Refused = 2,
    /// The job was cancelled.
    Cancelled = 3,
    /// No server answers.
    NoServer = 4,
    /// The user broke the command off; as shells tell SIGINT.
    Interrupted = 130,
}

/// Runs the command that this process was given.
pub fn run() -> ExitCode {
    // The one there is. Nobody has chosen another before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match parsed() {
        Ok(given) => run_command(given.command),
        Err(exit) => ended(Err(exit)),
    }
}

/// What this process was given, by its file of settings too where it is a server.
fn parsed() -> Result<Cli, Exit> {
    let given = Cli::parse();
    let Command::Serve(serve) = &given.command else { return Ok(given) };
    let Some(path) = serve.settings_file() else { return Ok(given) };
    let refused = |error: config::FileError| {
        say(error);
        Exit::Refused
    };
    let command = Cli::command();
    let file =
        config::File::read(&path, command.find_subcommand("serve").unwrap_or(&command)).map_err(refused)?;
    let command = command.mut_subcommand("serve", |serve| file.into_defaults(serve));
    Cli::from_arg_matches(&command.get_matches()).map_err(|error| error.exit())
}

fn run_command(command: Command) -> ExitCode {
    match command {
        Command::Demo(demo) => ended(demo.run()),
        Command::Serve(serve) => ended(serve.run()),
        Command::Plan(plan) => ended(plan.run()),
        Command::Datasets(datasets) => ended(datasets.run()),
        Command::Jobs(jobs) => ended(jobs.run()),
        Command::Models(models) => ended(models.run()),
        Command::Keys(keys) => ended(keys.run()),
        Command::Openapi(openapi) => ended(openapi.run()),
        Command::Completions(completions) => ended(completions.run()),
        Command::Backup(backup) => ended(backup.run()),
        Command::Restore(restore) => ended(restore.run()),
        Command::Doctor(doctor) => ended(doctor.run()),
        Command::Gc(gc) => ended(gc.run()),
        Command::RunWorker(settings) => {
            if telemetry::init(&config::Log::default()).is_err() {
                return ExitCode::FAILURE;
            }
            queue::worker::main(&settings)
        }
        Command::ImportWorker(settings) => queue::worker::import::main(&settings),
        Command::CountGpus => count_gpus(),
    }
}

fn count_gpus() -> ExitCode {
    let (Ok(()), Ok(program)) = (telemetry::init(&config::Log::default()), std::env::current_exe()) else {
        return ExitCode::FAILURE;
    };
    queue::gpus::count(&program)
}

/// Says on standard error why a command ends.
pub(crate) fn say(why: impl std::fmt::Display) {
    output::note(format_args!("lyceum: {why}"));
}

/// Sees the work of a client to its end, on this thread.
fn block_on<T>(work: impl Future<Output = Result<T, Exit>>) -> Result<T, Exit> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        say(error);
        Exit::Failed
    })?;
    let done = runtime.block_on(work);
    // A thread that still reads standard input does not hold the end up.
    runtime.shutdown_background();
    done
}

fn ended(result: Result<(), Exit>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(exit) => ExitCode::from(exit as u8),
    }
}

#[test]
fn the_command_line_is_sound() {
    Cli::command().debug_assert();
}
