//! `docs/state-machines.md`: each cell of its tables is tried.

use std::fmt::Write as _;
use std::path::Path;

use lyceum::spec::report::{ErrorKind, Outcome};
use lyceum::store::{Claim, Desired, JobChange, JobId, JobStatus, RunStatus, Store, StoreError};

use super::{claim, error, finished, model, open, point, post, started, tell};

/// A job brought to a state, with its newest run.
struct Staged {
    job: JobId,
    run: Option<Claim>,
}

const JOB_STATES: [&str; 9] = [
    "queued",
    "running",
    "running, to be paused",
    "running, to be cancelled",
    "paused",
    "retrying",
    "succeeded",
    "failed",
    "cancelled",
];

const JOB_EVENTS: [&str; 11] = [
    "claim",
    "pause",
    "resume",
    "cancel",
    "priority",
    "delete",
    "run succeeds",
    "run stops",
    "run is lost",
    "run diverges",
    "server ends the run",
];

/// Brings a job into a state, by the way that jobs come there.
async fn stage(store: &Store, state: &str, max_attempts: u32) -> Staged {
    let job = post(store, max_attempts).await;
    if state == "queued" {
        return Staged { job, run: None };
    }
    if state == "paused" {
        store.pause_job(job).await.unwrap();
        return Staged { job, run: None };
    }
    if state == "cancelled" {
        store.cancel_job(job).await.unwrap();
        return Staged { job, run: None };
    }
    let run = claim(store).await.unwrap();
    assert_eq!(run.job, job);
    tell(store, &run, 1, vec![started(0)]).await.unwrap();
    match state {
        "running" => {}
        "running, to be paused" => drop(store.pause_job(job).await.unwrap()),
        "running, to be cancelled" => drop(store.cancel_job(job).await.unwrap()),
        "retrying" => assert!(store.end_run(run.run, error(ErrorKind::Lost)).await.unwrap()),
        "succeeded" => {
            tell(store, &run, 2, vec![model(&run), finished(Outcome::Succeeded)]).await.unwrap();
        }
        "failed" => assert!(store.end_run(run.run, error(ErrorKind::Diverged)).await.unwrap()),
        other => panic!("{other} is no state"),
    }
    Staged { job, run: Some(run) }
}

/// The state as the tables name it.
async fn state_of(store: &Store, job: JobId) -> String {
    match store.job(job).await {
        Err(StoreError::NotFound(_)) => "gone".into(),
        Err(other) => panic!("{other}"),
        Ok(job) => match (job.status, job.desired) {
            (JobStatus::Running, Some(Desired::Paused)) => "running, to be paused".into(),
            (JobStatus::Running, Some(Desired::Cancelled)) => "running, to be cancelled".into(),
            (status, _) => status.to_string(),
        },
    }
}

/// What an event makes of a job in that state.
async fn job_cell(store: &Store, state: &str, event: &str) -> String {
    let staged = stage(store, state, 3).await;
    let job = staged.job;
    let by_run = |outcome| {
        let run = staged.run.clone();
        async move {
            let run = run.ok_or(StoreError::Gone)?;
            tell(store, &run, 2, vec![finished(outcome)]).await.map(drop)
        }
    };
    let from_outside = |kind| {
        let run = staged.run.clone();
        async move {
            let run = run.ok_or(StoreError::Gone)?;
            if store.end_run(run.run, error(kind)).await? { Ok(()) } else { Err(StoreError::Gone) }
        }
    };
    let done = match event {
        "claim" => match claim(store).await {
            Some(claim) => {
                assert_eq!(claim.job, job);
                Ok(())
            }
            None => Err(StoreError::Gone),
        },
        "pause" => store.pause_job(job).await.map(drop),
        "resume" => store.resume_job(job).await.map(drop),
        "cancel" => store.cancel_job(job).await.map(drop),
        "priority" => {
            store.change_job(job, JobChange { priority: Some(1), ..JobChange::default() }).await.map(drop)
        }
        "delete" => store.delete_job(job).await.map(drop),
        "run succeeds" => by_run(Outcome::Succeeded).await,
        "run stops" => by_run(Outcome::Stopped).await,
        "run is lost" => from_outside(ErrorKind::Lost).await,
        "run diverges" => by_run(Outcome::Failed { error: error(ErrorKind::Diverged) }).await,
        "server ends the run" => from_outside(ErrorKind::Shutdown).await,
        other => panic!("{other} is no event"),
    };
    let now = state_of(store, job).await;
    let cell = match done {
        Ok(()) if now == state => "same".into(),
        Ok(()) => now.clone(),
        Err(StoreError::Conflict(_)) => "409".into(),
        // No run is under way that this could happen to.
        Err(StoreError::Gone) => "-".into(),
        Err(other) => panic!("{state}, {event}: {other}"),
    };
    if matches!(cell.as_str(), "409" | "-") {
        assert_eq!(now, state, "{event} was refused and changed the job all the same");
    }
    clear(store, job).await;
    cell
}

/// Leaves nothing that the next claim could take.
async fn clear(store: &Store, job: JobId) {
    if let Ok(job) = store.job(job).await
        && !job.status.terminal()
    {
        store.cancel_job(job.id).await.unwrap();
        if let Some(run) = job.runs.last() {
            let _ = store.end_run(run.id, error(ErrorKind::Lost)).await;
        }
    }
}

const RUN_STATES: [&str; 7] = ["starting", "running", "succeeded", "failed", "cancelled", "stopped", "lost"];

const RUN_EVENTS: [&str; 8] = [
    "first report",
    "next batch",
    "same batch again",
    "batch out of order",
    "batch of an earlier attempt",
    "finished",
    "ended from outside",
    "replaced by a new attempt",
];

/// Brings a run into a state; answers the number of its last batch as well.
async fn stage_run(store: &Store, state: &str) -> (Claim, u64) {
    post(store, 3).await;
    let run = claim(store).await.unwrap();
    if state == "starting" {
        return (run, 0);
    }
    tell(store, &run, 1, vec![started(0), point(1)]).await.unwrap();
    let outcome = match state {
        "running" => return (run, 1),
        "succeeded" => Outcome::Succeeded,
        "failed" => Outcome::Failed { error: error(ErrorKind::Internal) },
        "cancelled" => Outcome::Cancelled,
        "stopped" => Outcome::Stopped,
        "lost" => Outcome::Failed { error: error(ErrorKind::Lost) },
        other => panic!("{other} is no state"),
    };
    tell(store, &run, 2, vec![finished(outcome)]).await.unwrap();
    (run, 2)
}

async fn run_cell(store: &Store, state: &str, event: &str) -> String {
    let (run, last) = stage_run(store, state).await;
    let earlier = Claim { attempt: run.attempt - 1, ..run.clone() };
    let done = match event {
        "first report" => tell(store, &run, last + 1, vec![started(0)]).await.map(drop),
        "next batch" => tell(store, &run, last + 1, vec![point(7)]).await.map(drop),
        "same batch again" => tell(store, &run, last, vec![point(7)]).await.map(drop),
        "batch out of order" => tell(store, &run, last + 2, vec![point(7)]).await.map(drop),
        "batch of an earlier attempt" => tell(store, &earlier, last + 1, vec![point(7)]).await.map(drop),
        "finished" => tell(store, &run, last + 1, vec![finished(Outcome::Succeeded)]).await.map(drop),
        "ended from outside" => match store.end_run(run.run, error(ErrorKind::Lost)).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Gone),
            Err(other) => Err(other),
        },
        "replaced by a new attempt" => match claim(store).await {
            // What the old attempt says from here on is that of an earlier one.
            Some(next) => {
                assert!(matches!(tell(store, &run, last + 1, vec![point(7)]).await, Err(StoreError::Gone)));
                store.end_run(next.run, error(ErrorKind::Diverged)).await.unwrap();
                Ok(())
            }
            None => Err(StoreError::Gone),
        },
        other => panic!("{other} is no event"),
    };
    let found = store.run(run.run).await.unwrap();
    let cell = match done {
        Ok(()) if found.last_seq == last && found.status.to_string() == state => "nothing".into(),
        Ok(()) if found.status.to_string() == state => "applied".into(),
        Ok(()) => found.status.to_string(),
        Err(StoreError::OutOfOrder { expected }) => {
            assert_eq!(expected, last + 1);
            "409".into()
        }
        Err(StoreError::Gone) if event.starts_with("replaced") || event.starts_with("ended") => "-".into(),
        Err(StoreError::Gone) => "410".into(),
        Err(other) => panic!("{state}, {event}: {other}"),
    };
    if !matches!(cell.as_str(), "applied") && found.status != RunStatus::Running {
        assert_eq!(points_of(store, run.job).await.iter().filter(|step| **step == 7).count(), 0);
    }
    clear(store, run.job).await;
    cell
}

async fn points_of(store: &Store, job: JobId) -> Vec<u64> {
    let query =
        lyceum::store::SeriesQuery { job, name: None, run: None, since_step: None, max_points: 10_000 };
    let series = store.series(query).await.unwrap();
    series.iter().flat_map(|series| &series.points).map(|point| point.step).collect()
}

const MODEL_STATES: [&str; 4] = ["written by a run", "latest", "older", "older, with an alias"];

const MODEL_EVENTS: [&str; 5] =
    ["its run succeeds", "its run fails", "a newer version comes", "an alias is set", "delete"];

/// A version in a state, on a model of its own name; for one that is only written, the run that wrote it.
async fn model_cell(store: &Store, state: &str, event: &str) -> String {
    let make = || async {
        post(store, 1).await;
        let run = claim(store).await.unwrap();
        tell(store, &run, 1, vec![started(0), model(&run)]).await.unwrap();
        run
    };
    let succeed = |run: Claim| async move {
        tell(store, &run, 2, vec![finished(Outcome::Succeeded)]).await.unwrap();
        let made = store.job(run.job).await.unwrap().model.unwrap();
        made.version
    };
    let pending = make().await;
    let mut version = None;
    if state != "written by a run" {
        version = Some(succeed(pending.clone()).await);
    }
    if state.starts_with("older") {
        succeed(make().await).await;
    }
    if state == "older, with an alias" {
        store.set_alias("a", "kept", version.unwrap()).await.unwrap();
    }
    let done = match (event, version) {
        ("its run succeeds", None) => {
            version = Some(succeed(pending).await);
            Ok(())
        }
        ("its run fails", None) => store.end_run(pending.run, error(ErrorKind::Lost)).await.map(drop),
        ("its run succeeds" | "its run fails", Some(_)) | ("an alias is set" | "delete", None) => {
            Err(StoreError::Gone)
        }
        ("a newer version comes", Some(_)) => {
            succeed(make().await).await;
            Ok(())
        }
        ("a newer version comes", None) => {
            succeed(make().await).await;
            store.end_run(pending.run, error(ErrorKind::Lost)).await.unwrap();
            return "same".into();
        }
        ("an alias is set", Some(number)) => store.set_alias("a", "kept", number).await,
        ("delete", Some(number)) => store.delete_model_version("a", &number.to_string()).await.map(drop),
        (other, _) => panic!("{other} is no event"),
    };
    let now = match version {
        None => "gone".to_owned(),
        Some(number) => match store.model_version("a", &number.to_string()).await {
            Err(_) => "gone".to_owned(),
            Ok(found) if found.aliases.iter().any(|alias| alias == "latest") => "latest".into(),
            Ok(found) if found.aliases.is_empty() => "older".into(),
            Ok(_) => "older, with an alias".into(),
        },
    };
    let _ = store.delete_alias("a", "kept").await;
    match done {
        Ok(()) if now == state => "same".into(),
        Ok(()) => now,
        Err(StoreError::Conflict(_)) => "409".into(),
        Err(StoreError::Gone) => "-".into(),
        Err(other) => panic!("{state}, {event}: {other}"),
    }
}

/// A table as Markdown: a row a state, a column an event.
fn table(name: &str, states: &[&str], events: &[&str], cells: &[Vec<String>]) -> String {
    let mut text = format!("| {name} | {} |\n|---|{}\n", events.join(" | "), "---|".repeat(events.len()));
    for (state, cells) in states.iter().zip(cells) {
        writeln!(text, "| **{state}** | {} |", cells.join(" | ")).unwrap();
    }
    text
}

#[tokio::test]
async fn the_tables_are_what_the_store_does() {
    let document =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/state-machines.md"))
            .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = open(&folder).await;
    let mut tables = Vec::new();
    let mut cells = Vec::new();
    for state in JOB_STATES {
        let mut row = Vec::new();
        for event in JOB_EVENTS {
            row.push(job_cell(&store, state, event).await);
        }
        cells.push(row);
    }
    tables.push(table("job", &JOB_STATES, &JOB_EVENTS, &cells));
    let mut cells = Vec::new();
    for state in RUN_STATES {
        let mut row = Vec::new();
        for event in RUN_EVENTS {
            row.push(run_cell(&store, state, event).await);
        }
        cells.push(row);
    }
    tables.push(table("run", &RUN_STATES, &RUN_EVENTS, &cells));
    let mut cells = Vec::new();
    for state in MODEL_STATES {
        let mut row = Vec::new();
        for event in MODEL_EVENTS {
            row.push(model_cell(&store, state, event).await);
        }
        cells.push(row);
    }
    tables.push(table("version", &MODEL_STATES, &MODEL_EVENTS, &cells));
    let stale: Vec<String> = tables.into_iter().filter(|table| !document.contains(table)).collect();
    assert!(stale.is_empty(), "docs/state-machines.md lacks:\n{}", stale.join("\n"));
}
