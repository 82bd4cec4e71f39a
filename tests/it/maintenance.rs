//! Backups, checks and clearing away, on the data folder of a server at work.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lyceum::store::{JobStatus, Store, StoreError};

use crate::jobs::{Queue, iris, program, runs, upload};

fn lyceum(arguments: &[&str], folder: &Path) -> Output {
    Command::new(program()).args(arguments).arg("--data-dir").arg(folder).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

async fn queue() -> Queue {
    let queue = Queue::start(&program()).await;
    queue.jobs.import_dataset(upload("iris", iris())).await.unwrap();
    queue
}

/// Runs a command beside this test's own server, which must go on meanwhile.
async fn beside(arguments: &'static [&'static str], file: Option<PathBuf>, folder: PathBuf) -> Output {
    let run = move || {
        let mut command = Command::new(program());
        command.args(arguments).args(file).arg("--data-dir").arg(folder);
        command.output().unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

#[tokio::test]
async fn a_backup_taken_at_work_goes_on_elsewhere() {
    let queue = queue().await;
    let done = runs::submit(&queue, &runs::body(20)).await;
    queue.until_status(done, JobStatus::Succeeded).await;
    let weights = queue.store.model_version("iris", "1").await.unwrap().sha256;
    let running = runs::submit(&queue, &runs::body(2_000)).await;
    queue.until(running, |job| job.progress.epoch > 20).await;
    let waiting = runs::submit(&queue, &runs::body(5)).await;

    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("lyceum.tar");
    let backup = beside(&["backup"], Some(file.clone()), queue.folder.path().to_owned()).await;
    assert!(backup.status.success(), "{}", text(&backup));
    let again = beside(&["backup"], Some(file.clone()), queue.folder.path().to_owned()).await;
    assert_eq!(again.status.code(), Some(2), "a backup is never written over");

    let folder = elsewhere.path().join("data");
    let restored = beside(&["restore"], Some(file.clone()), folder.clone()).await;
    assert!(restored.status.success(), "{}", text(&restored));
    let again = beside(&["restore"], Some(file), folder.clone()).await;
    assert_eq!(again.status.code(), Some(2), "what stands is never written over");
    let checked = beside(&["doctor"], None, folder.clone()).await;
    assert!(checked.status.success(), "{}", text(&checked));

    let folder = lyceum::jobs::DataFolder::open(&folder).unwrap();
    let other = Queue::start_in(folder, &program()).await;
    let first = other.until(running, |job| job.status.terminal()).await;
    assert_eq!(first.status, JobStatus::Succeeded, "{:?}", first.error);
    let second = other.until(waiting, |job| job.status.terminal()).await;
    assert_eq!(second.status, JobStatus::Succeeded, "{:?}", second.error);
    assert_eq!(other.store.model_version("iris", "1").await.unwrap().sha256, weights);
    // The first server knows nothing of all this.
    let own = queue.until(running, |job| job.status.terminal()).await;
    assert_eq!((own.status, own.runs.len()), (JobStatus::Succeeded, 1));
    let of = |store: lyceum::store::Store| async move {
        store
            .model("iris")
            .await
            .unwrap()
            .versions
            .into_iter()
            .find(|made| made.job == running)
            .unwrap()
            .sha256
    };
    assert_eq!(of(queue.store.clone()).await, of(other.store.clone()).await);
}

/// What was deleted while a backup was written is not in it; what a job still needs is seen to be missing.
#[tokio::test]
async fn a_backup_forgets_what_went_while_it_was_written() {
    let queue = queue().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let table = elsewhere.path().join("other.csv");
    std::fs::write(&table, "a,b\n1,2\n").unwrap();
    queue.jobs.import_dataset(upload("other", table)).await.unwrap();
    let done = runs::submit(&queue, &runs::body(20)).await;
    queue.until_status(done, JobStatus::Succeeded).await;
    queue.store.set_alias("iris", "best", 1).await.unwrap();
    let running = runs::submit(&queue, &runs::body(1_000_000)).await;
    queue.until(running, |job| job.progress.epoch > 0).await;
    // As if it went behind the copy of the database.
    let gone = [
        queue.store.model_version("iris", "best").await.unwrap().key,
        queue.store.dataset("iris", None).await.unwrap().key,
        queue.store.dataset("other", None).await.unwrap().key,
    ];
    for key in &gone {
        std::fs::remove_dir_all(queue.folder.artifacts().join(key)).unwrap();
    }
    let file = elsewhere.path().join("lyceum.tar");
    let backup = beside(&["backup"], Some(file.clone()), queue.folder.path().to_owned()).await;
    let told = text(&backup);
    assert!(backup.status.success() && gone.iter().all(|key| told.contains(key)), "{told}");
    queue.jobs.cancel(running).await.unwrap();

    let folder = elsewhere.path().join("data");
    let restored = beside(&["restore"], Some(file), folder.clone()).await;
    assert!(restored.status.success(), "{}", text(&restored));
    let checked = beside(&["doctor"], None, folder.clone()).await;
    let told = text(&checked);
    let wrong: Vec<&str> = told.lines().filter(|line| line.starts_with("wrong")).collect();
    assert!(wrong.len() == 1 && wrong[0].contains("data set iris version 1"), "{told}");
    let store = Store::open(&folder.join("lyceum.db")).await.unwrap();
    assert!(matches!(store.model_version("iris", "best").await, Err(StoreError::NotFound(_))));
    assert!(matches!(store.dataset("other", None).await, Err(StoreError::NotFound(_))));
    assert_eq!(store.dataset("iris", None).await.unwrap().schema.version, 1);
    queue.until_status(running, JobStatus::Cancelled).await;
}

#[tokio::test]
async fn what_nothing_refers_to_is_found_and_nothing_else() {
    let queue = queue().await;
    let job = runs::submit(&queue, &runs::body(20)).await;
    queue.until_status(job, JobStatus::Succeeded).await;
    queue.until_checkpoints(job, 2).await;
    let folder = queue.folder.path().to_owned();
    let orphan = folder.join("artifacts/models/left/1/weights.safetensors");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "x").unwrap();
    let gone = folder.join("runs").join(uuid::Uuid::now_v7().to_string());
    std::fs::create_dir(&gone).unwrap();

    let young = beside(&["gc", "--delete"], None, folder.clone()).await;
    assert!(young.status.success() && orphan.exists(), "{}", text(&young));
    let listed = beside(&["gc", "--older-than", "0"], None, folder.clone()).await;
    let told = text(&listed);
    assert!(told.contains("left/1/weights.safetensors") && told.contains("2 files"), "{told}");
    assert!(orphan.exists(), "a dry run removes nothing");
    let removed = beside(&["gc", "--older-than", "0", "--delete"], None, folder.clone()).await;
    assert!(removed.status.success() && !orphan.exists() && !gone.exists(), "{}", text(&removed));
    let checked = beside(&["doctor"], None, folder.clone()).await;
    assert!(checked.status.success(), "{}", text(&checked));
}

#[tokio::test]
async fn damage_is_found() {
    let queue = queue().await;
    let job = runs::submit(&queue, &runs::body(20)).await;
    queue.until_status(job, JobStatus::Succeeded).await;
    let model = queue.store.model_version("iris", "1").await.unwrap();
    let weights = queue.folder.artifacts().join(&model.key).join("weights.safetensors");
    let mut bytes = std::fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&weights, bytes).unwrap();
    let checked = beside(&["doctor"], None, queue.folder.path().to_owned()).await;
    let told = text(&checked);
    assert_eq!(checked.status.code(), Some(1));
    assert!(told.contains("model iris version 1") && told.contains("not what was written"), "{told}");
}

#[test]
fn a_folder_that_is_none_is_told_so() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["doctor", "gc"] {
        let output = lyceum(&[command], folder.path());
        assert_eq!(output.status.code(), Some(2));
        assert!(text(&output).contains("is no data folder"), "{}", text(&output));
    }
    let output = lyceum(&["restore", "/dev/null"], &folder.path().join("new"));
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}
