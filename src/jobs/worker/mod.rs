//! The worker: a process that asks the server for a run, trains it, reports what it does, and asks for the next.
//!
//! The training loop has this process's main thread to itself. What it tells goes through `outbox` to a thread that
//! talks to the server, and through `files` to one that writes to the disk; it waits for neither.

mod files;
pub mod import;
mod limits;
mod link;
mod outbox;
mod reporter;
mod sink;
mod warm;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::parents::parents_of;
use super::process;
use super::protocol::Assignment;
use super::submit::Found;
use crate::data::Dataset;
use crate::spec::report::{ErrorKind, LogLevel, Outcome, Report, RunError};
use crate::spec::{JobSpec, SpecErrors};
use crate::train::checkpoint::Checkpoint;
use crate::train::parent::ParentModel;
use crate::train::{self, CatalogError, Plan, RunSink};
use crate::{config, fault};

use files::Files;
use link::Link;
use outbox::Outbox;
use reporter::{Delivered, Orders, Reporter};
use sink::Sink;

/// How long a worker waits for work before it warms up for want of any.
const AT_ONCE: Duration = Duration::from_millis(30);

/// Takes runs until there are no more, or one did not end well: whatever broke it may have broken the process.
pub fn main(settings: &config::Worker) -> ExitCode {
    process::stand_alone();
    process::give_way(settings.niceness);
    match work(settings) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the worker ends");
            ExitCode::FAILURE
        }
    }
}

fn work(settings: &config::Worker) -> std::io::Result<()> {
    // One thread beside the one that trains.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("reporter")
        .enable_all()
        .build()?;
    let link = Link::new(settings)?;
    train::wake(&std::env::current_exe()?);
    let mut next = first(&runtime, &link);
    while let Some(assignment) = next {
        if !serve(&runtime, &link, &assignment)? {
            break;
        }
        next = runtime.block_on(link.next());
    }
    Ok(())
}

/// Waits for the first run. One that is there already begins at once, and warms libtorch by itself.
fn first(runtime: &Runtime, link: &Link) -> Option<Assignment> {
    let asking = link.clone();
    let mut next = runtime.spawn(async move { asking.next().await });
    let at_once = runtime.block_on(async { tokio::time::timeout(AT_ONCE, &mut next).await });
    let given = at_once.unwrap_or_else(|_| {
        warm::up();
        runtime.block_on(next)
    });
    given.ok().flatten()
}

/// Sees a run to its end. Answers whether this process may take another.
fn serve(runtime: &Runtime, link: &Link, assignment: &Assignment) -> std::io::Result<bool> {
    limits::log_to(&assignment.folder.join("log"))?;
    let (job, run, attempt) = (assignment.job, assignment.run, assignment.attempt);
    tracing::info!(%job, %run, attempt, trace = assignment.trace, "a run begins");
    fault::point("worker.assigned");
    let orders = Arc::new(Orders::default());
    let outbox = Arc::new(Outbox::default());
    let reporter = Reporter::new(link.clone(), assignment, outbox.clone(), orders.clone());
    let heart = runtime.spawn(reporter::beat(link.clone(), reporter.about(), orders.clone()));
    let delivered = runtime.spawn(reporter.run());

    let files = Files::start(runtime.handle().clone(), assignment, outbox.clone(), orders.clone())?;
    let outcome = train(assignment, Sink::new(outbox.clone(), orders, files.handle()));
    let outcome = match (outcome, files.finish()) {
        (Outcome::Succeeded | Outcome::Stopped, Err(error)) => Outcome::Failed { error },
        (outcome, _) => outcome,
    };
    tracing::info!(%run, ?outcome, "a run ended");
    let clean = outcome == Outcome::Succeeded;
    outbox.push(Report::Finished { outcome });
    fault::point("worker.finished.told");
    outbox.close();
    let delivered = runtime.block_on(delivered).map_err(std::io::Error::other)?;
    heart.abort();
    Ok(clean && delivered == Delivered::All)
}

fn train(assignment: &Assignment, mut sink: Sink) -> Outcome {
    let plan = match plan(assignment) {
        Ok(plan) => plan,
        Err(error) => return Outcome::Failed { error },
    };
    let requirements = plan.requirements();
    let before = limits::begin_peak();
    if assignment.device == "cpu" {
        limits::memory(requirements.memory_mb + limits::stacks_mb(requirements.threads));
    }
    fault::take_memory();
    let checkpoint = newest_whole(assignment, &mut sink);
    if checkpoint.is_none() && parents_of(&assignment.spec).job.is_some() {
        let detail = "no checkpoint of the job that it continues can be read".to_owned();
        return Outcome::Failed { error: RunError { kind: ErrorKind::Data, detail, hint: None } };
    }
    let outcome = train::run(&plan, checkpoint, &mut sink);
    limits::no_memory_limit();
    if assignment.device != "cpu" {
        train::tidy();
        return outcome;
    }
    match outcome {
        Outcome::Failed { error } if error.kind == ErrorKind::OutOfMemory => {
            let held = limits::peak().saturating_sub(before);
            Outcome::Failed { error: with_figures(error, &plan, held) }
        }
        outcome => outcome,
    }
}

/// What a run that ran out of memory had, and what its plan had thought that it would need.
fn with_figures(mut error: RunError, plan: &Plan, held: u64) -> RunError {
    let mebibytes = |bytes: u64| bytes.div_ceil(1 << 20);
    error.detail = format!(
        "{}. It held {} MiB, its plan had estimated {} MiB, and its resources.memory_mb are {}",
        error.detail,
        mebibytes(held),
        mebibytes(plan.memory_bytes()),
        plan.requirements().memory_mb
    );
    error
}

/// The newest checkpoint that can be read. One that is torn or damaged is told of and passed over; where none is
/// whole the run begins anew.
fn newest_whole(assignment: &Assignment, sink: &mut dyn RunSink) -> Option<Checkpoint> {
    for key in &assignment.checkpoints {
        match Checkpoint::read(&assignment.artifacts.join(key)) {
            Ok(checkpoint) => return Some(checkpoint),
            Err(error) => {
                let message = format!("a checkpoint is passed over: {error} ({key})");
                tracing::warn!("{message}");
                sink.report(Report::Log { level: LogLevel::Warning, message });
            }
        }
    }
    None
}

/// The same plan that the server made: from the canonical spec and the same data.
fn plan(assignment: &Assignment) -> Result<Plan, RunError> {
    let mut found = Found::default();
    for dataset in &assignment.datasets {
        let opened = open(&dataset.path, &dataset.name, dataset.version)?;
        found.add(dataset.name.clone(), Some(dataset.version), Ok(opened));
    }
    for model in &assignment.models {
        let opened =
            ParentModel::open(&model.path, &model.name, model.version).map_err(|error| RunError {
                kind: ErrorKind::Data,
                detail: format!("version {} of \"{}\" cannot be read: {error}", model.version, model.name),
                hint: None,
            })?;
        found.add_model(model.name.clone(), Some(model.version.to_string()), Ok(opened.into()));
    }
    let mut errors = SpecErrors::new();
    let spec = JobSpec::read_body(&assignment.spec, &mut errors);
    let mut spec = errors.into_result(spec).map_err(|errors| internal(&errors))?;
    spec.resources.device = assignment
        .device
        .parse()
        .map_err(|()| internal(&format!("\"{}\" is no device", assignment.device)))?;
    Plan::resolve(&spec, &found).map_err(|error| internal(&error))
}

fn open(path: &Path, name: &str, version: u32) -> Result<Arc<Dataset>, RunError> {
    Dataset::open_as(path, name, version).map_err(|error| RunError {
        kind: ErrorKind::Data,
        detail: CatalogError::Unavailable(error.to_string()).to_string(),
        hint: None,
    })
}

fn internal(error: &dyn std::fmt::Display) -> RunError {
    RunError { kind: ErrorKind::Internal, detail: error.to_string(), hint: None }
}
