//! Databases of every schema there has been, each as its servers left it (`tests/schemas`), opened by today's store.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use lyceum::store::{EventKind, JobFilter, JobStatus, Scope, SeriesQuery, Store};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/schemas");
/// Filled by triggers, and read through what counts on them.
const COUNTED: [&str; 2] = ["queue_depth", "job_count"];

/// The names of the files of this kind, in their order.
fn stems(folder: &str) -> Vec<String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut stems: Vec<String> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    stems.sort();
    stems
}

async fn connect(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(false)
        .connect()
        .await
        .unwrap()
}

/// A database as a server of that schema left it.
async fn left(folder: &Path, stem: &str) -> PathBuf {
    let path = folder.join("lyceum.db");
    let dump = std::fs::read_to_string(format!("{FOLDER}/{stem}.sql")).unwrap();
    let mut conn = connect(&path).await;
    sqlx::raw_sql(AssertSqlSafe(dump)).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    path
}

async fn list(conn: &mut SqliteConnection, sql: String) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(conn).await.unwrap()
}

/// Every row of the tables, as text, with the columns that they have.
async fn rows(
    conn: &mut SqliteConnection,
    columns: Option<&BTreeMap<String, String>>,
) -> (BTreeMap<String, String>, BTreeMap<String, Vec<String>>) {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               AND name <> '_sqlx_migrations'";
    let (mut read, mut found) = (BTreeMap::new(), BTreeMap::new());
    for table in list(conn, sql.to_owned()).await {
        let own = format!(
            "SELECT group_concat('quote(' || name || ')', ' || '','' || ') FROM pragma_table_info('{table}')"
        );
        let values = match columns {
            Some(columns) => match columns.get(&table) {
                Some(values) => values.clone(),
                None => continue,
            },
            None => list(conn, own).await.remove(0),
        };
        if COUNTED.contains(&&*table) {
            continue;
        }
        let mut texts = list(conn, format!("SELECT {values} FROM {table}")).await;
        texts.sort();
        found.insert(table.clone(), texts);
        read.insert(table, values);
    }
    (read, found)
}

async fn schema(path: &Path) -> Vec<String> {
    let mut conn = connect(path).await;
    let sql = "SELECT concat_ws(' ', type, name, tbl_name, sql) FROM sqlite_schema ORDER BY type, name";
    list(&mut conn, sql.to_owned()).await
}

#[test]
fn there_is_one_of_every_schema() {
    let migrations = stems(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
    assert_eq!(stems(FOLDER), migrations, "tests/schemas/make.py says how to make one");
}

#[tokio::test]
async fn every_schema_becomes_todays_and_keeps_its_rows() {
    let fresh = tempfile::tempdir().unwrap();
    Store::open(&fresh.path().join("lyceum.db")).await.unwrap().close().await;
    let today = schema(&fresh.path().join("lyceum.db")).await;
    for stem in stems(FOLDER) {
        let folder = tempfile::tempdir().unwrap();
        let path = left(folder.path(), &stem).await;
        let mut conn = connect(&path).await;
        let (columns, before) = rows(&mut conn, None).await;
        conn.close().await.unwrap();
        assert!(before["job"].len() == 6 && before["event"].len() > 10, "{stem}: {before:?}");
        let store = Store::open(&path).await.unwrap_or_else(|error| panic!("{stem}: {error}"));
        let keys = store.keys().await.unwrap().len();
        read_all(&store).await;
        store.close().await;
        assert_eq!(schema(&path).await, today, "{stem}");
        let mut conn = connect(&path).await;
        // The first version's table of keys was never written to, and is another one now.
        let (_, after) = rows(&mut conn, Some(&columns)).await;
        for (table, rows) in before.iter().filter(|(_, rows)| !rows.is_empty()) {
            assert_eq!(after.get(table), Some(rows), "{stem}: {table}");
        }
        assert_eq!(keys, usize::from(!before["api_key"].is_empty()), "{stem}: the other key was revoked");
    }
}

/// Reads everything through the store, as the routes do.
async fn read_all(store: &Store) {
    let page = store.jobs(&JobFilter::default(), None, 100).await.unwrap();
    let counts = store.job_counts().await.unwrap();
    assert_eq!(counts.iter().map(|(_, count)| count).sum::<u64>(), page.data.len() as u64);
    for (status, count) in counts {
        let there = page.data.iter().filter(|job| job.status == status).count();
        assert_eq!(there as u64, count, "{}", status.word());
    }
    let waiting = page.data.iter().find(|job| job.status == JobStatus::Queued).unwrap();
    assert_eq!(store.waiting(waiting.id).await.unwrap().unwrap().position, 1);
    for job in &page.data {
        assert!(store.posted(job.id).await.unwrap().contains("\"training\""));
        let events = store.events(Some(job.id), 0, 1_000).await.unwrap();
        assert_eq!(events.iter().any(|event| event.kind == EventKind::End), job.status.terminal());
    }
    let done = page.data.iter().find(|job| job.labels.contains_key("course")).unwrap();
    assert_eq!((done.status, done.labels["course"].as_str()), (JobStatus::Succeeded, "6.S191"));
    let query = SeriesQuery { job: done.id, name: None, run: None, since_step: None, max_points: 1_000 };
    let series = store.series(query).await.unwrap();
    assert!(series.iter().any(|series| !series.points.is_empty()));
    assert!(!store.checkpoints(done.id).await.unwrap().is_empty());
    let model = store.model_version("iris", "best").await.unwrap();
    assert_eq!((model.job, model.version), (done.id, 1));
    assert_eq!(store.dataset("iris", None).await.unwrap().schema.examples, 150);
    assert_eq!(store.open_runs().await.unwrap().len(), 1);
    let keys = store.keys().await.unwrap();
    assert!(keys.is_empty() || keys[0].scopes == [Scope::Admin]);
}

#[tokio::test]
async fn what_a_newer_program_wrote_is_refused_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let path = data.join("lyceum.db");
    Store::open(&path).await.unwrap().close().await;
    let mut conn = connect(&path).await;
    let later = "INSERT INTO _sqlx_migrations SELECT 9999, 'later', installed_on, 1, checksum, 1
                 FROM _sqlx_migrations LIMIT 1";
    sqlx::query(later).execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let backup = folder.path().join("backup.tar");
    for words in [
        &["serve", "--listen", "127.0.0.1:0"][..],
        &["backup", backup.to_str().unwrap()],
        &["doctor"],
        &["gc", "--delete"],
    ] {
        let said = Command::new(env!("CARGO_BIN_EXE_lyceum"))
            .args(words)
            .arg("--data-dir")
            .arg(&data)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&said.stderr);
        assert!(!said.status.success(), "{words:?}");
        assert!(text.contains("written by a newer version of this program"), "{words:?}: {text}");
        assert!(said.stdout.is_empty(), "{words:?}");
    }
    assert!(!backup.exists() && std::fs::read(&path).unwrap() == before, "nothing is touched");
}
