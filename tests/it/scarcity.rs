//! What becomes of a server whose disk, memory, database, folder or open files run out: it says so, loses nothing, and goes
//! on when there is enough again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};
use tokio::net::TcpStream;

use crate::support::bodies::{IRIS, iris};
use crate::support::disk::OnSmallDisk;
use crate::support::served::Served;
use crate::support::{Answer, alone};

const CSV: &str = "/v1/datasets?name=more&format=csv";

/// A job that reports every step and writes many checkpoints.
fn talkative(epochs: u64) -> Value {
    let mut body = iris(epochs);
    body["report"] = json!({"every_steps": 1});
    body["checkpoint"] = json!({"every_epochs": 20, "keep": 2});
    body
}

async fn submit(server: &Served, body: &Value) -> String {
    let job = server.post("/v1/jobs", body).await.expect(202);
    job["id"].as_str().unwrap().to_owned()
}

/// Asks until the answer is so.
async fn until(server: &Served, path: &str, stands: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let answer = server.get(path).await;
        if stands(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{path}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn until_it_trains(server: &Served, id: &str) {
    let trains = |answer: &Answer| answer.body["progress"]["step"].as_u64() > Some(0);
    until(server, &format!("/v1/jobs/{id}"), trains).await;
}

/// Each epoch has its point, once and in its place.
async fn nothing_was_lost(server: &Served, id: &str, epochs: u64) {
    let series = server.get(&format!("/v1/jobs/{id}/metrics?name=loss&max_points=10000")).await.expect(200);
    let points = series["data"][0]["points"].as_array().unwrap();
    let found: Vec<u64> = points.iter().map(|point| point[1].as_f64().unwrap().round() as u64).collect();
    assert_eq!(found, (1..=epochs).collect::<Vec<u64>>());
}

fn unready(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert!(answer.detail().contains(why), "{}", answer.detail());
}

fn told_to_come_back(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert!(answer.header("retry-after").parse::<u64>().unwrap() > 0);
}

#[tokio::test]
async fn a_run_waits_while_the_disk_is_full() {
    const EPOCHS: u64 = 3_000;
    let _alone = alone().await;
    let disk = OnSmallDisk::start(&[]);
    let server = &disk.server;
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let id = submit(server, &talkative(EPOCHS)).await;
    until_it_trains(server, &id).await;
    disk.fill();
    unready(&until(server, "/readyz", |answer| answer.status == 503).await, "the disk is full");
    told_to_come_back(&server.post_as(CSV, "text/csv", IRIS).await, 507);
    // What the database has room for of its own is still taken.
    let mut more = Vec::new();
    let refused = loop {
        let answer = server.post("/v1/jobs", &iris(0)).await;
        match answer.status.as_u16() {
            202 => more.push(answer.body["id"].as_str().unwrap().to_owned()),
            _ => break answer,
        }
    };
    told_to_come_back(&refused, 507);
    assert!(refused.detail().contains("the disk of the server is full"), "{}", refused.detail());
    let log = format!("/v1/jobs/{id}/logs");
    until(server, &log, |answer| answer.text().contains("the disk is full; the run waits for room")).await;
    assert_eq!(server.get(&format!("/v1/jobs/{id}")).await.expect(200)["status"], "running");

    disk.make_room();
    let job = server.finished(&id).await;
    assert_eq!(
        (&job["status"], &job["runs"].as_array().unwrap().len()),
        (&json!("succeeded"), &1),
        "{job:#}"
    );
    nothing_was_lost(server, &id, EPOCHS).await;
    for id in more {
        assert_eq!(server.finished(&id).await["status"], "succeeded");
    }
    server.get("/readyz").await.expect(200);
    server.post_as(CSV, "text/csv", "a,b\n1,2\n").await.expect(201);

    if disk.make_read_only() {
        unready(&server.get("/readyz").await, "read-only");
        told_to_come_back(&server.post_as(CSV, "text/csv", "a,b\n1,3\n").await, 503);
        server.get(&format!("/v1/jobs/{id}")).await.expect(200);
    }
}

#[tokio::test]
async fn another_process_that_holds_the_database_is_waited_out() {
    const EPOCHS: u64 = 1_500;
    let _alone = alone().await;
    let server = Served::start(&[]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let id = submit(&server, &talkative(EPOCHS)).await;
    until_it_trains(&server, &id).await;
    let database = format!("sqlite://{}", server.data().join("lyceum.db").display());
    let mut other = SqliteConnection::connect(&database).await.unwrap();
    // The writer of the server takes its turns one behind the other.
    while sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.is_err() {}
    let (posted, ready) = (iris(0), server.get("/readyz"));
    let (refused, ready) = tokio::join!(server.post("/v1/jobs", &posted), ready);
    told_to_come_back(&refused, 503);
    unready(&ready, "another process holds it");
    // What is only read is there.
    assert_eq!(server.get("/v1/jobs").await.expect(200)["data"].as_array().unwrap().len(), 1);
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    other.close().await.unwrap();

    until(&server, "/readyz", |answer| answer.status == 200).await;
    let next = submit(&server, &iris(0)).await;
    let job = server.finished(&id).await;
    assert_eq!(
        (&job["status"], &job["runs"].as_array().unwrap().len()),
        (&json!("succeeded"), &1),
        "{job:#}"
    );
    nothing_was_lost(&server, &id, EPOCHS).await;
    assert_eq!(server.finished(&next).await["status"], "succeeded");
}

#[tokio::test]
async fn a_folder_that_is_gone_is_told_of_and_not_made_anew() {
    let _alone = alone().await;
    let server = Served::start(&[]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let mut all_threads = talkative(1_000_000);
    all_threads["resources"]["threads"] = json!(2);
    let first = submit(&server, &all_threads).await;
    until_it_trains(&server, &first).await;
    let second = submit(&server, &iris(1)).await;
    let (data, away) = (server.data(), server.data().with_file_name("away"));
    std::fs::rename(&data, &away).unwrap();
    unready(&server.get("/readyz").await, "their folder is gone");
    told_to_come_back(&server.post_as(CSV, "text/csv", "a,b\n1,2\n").await, 503);
    // The database is open, and keeps a job; it waits as well.
    let third = submit(&server, &iris(1)).await;
    server.get("/healthz").await.expect(200);
    // What makes room for the job that waits does not start it there.
    let cancel = format!("/v1/jobs/{first}/cancel");
    server.send("POST", &cancel, server.client.post(server.url(&cancel))).await.expect(202);
    assert_eq!(server.finished(&first).await["status"], "cancelled");
    assert!(!data.exists());
    std::fs::rename(&away, &data).unwrap();
    for id in [second, third] {
        let job = server.finished(&id).await;
        let runs = job["runs"].as_array().unwrap().len();
        assert_eq!((&job["status"], runs), (&json!("succeeded"), 1), "{job:#}");
    }
    server.get("/readyz").await.expect(200);
}

/// Two thousand units twice, with gradients and the copy for a checkpoint: just less than the least that a job can have.
#[cfg(feature = "fault-injection")]
#[tokio::test]
async fn a_job_that_needs_more_memory_than_it_has_says_how_much() {
    let _alone = alone().await;
    let hungry = ["env", "LYCEUM_FAULT_MEMORY_MB=40"];
    let server = Served::start_by(&hungry, tempfile::tempdir().unwrap(), &[]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let mut body = iris(2);
    let hidden = json!({"type": "dense", "units": 1_950, "activation": "relu"});
    body["training"]["model"]["layers"] = json!([hidden, hidden, {"type": "dense", "activation": "softmax"}]);
    body["training"]["optimizer"] = json!("sgd");
    body["resources"]["memory_mb"] = json!(64);
    body["max_attempts"] = json!(3);
    let plan = server.post("/v1/plans", &body).await.expect(200);
    let estimate = plan["step"]["memory_bytes"].as_u64().unwrap().div_ceil(1 << 20);
    let job = server.finished(&submit(&server, &body).await).await;
    let error = &job["error"];
    assert_eq!((&job["status"], &error["kind"]), (&json!("failed"), &json!("out_of_memory")), "{error}");
    let detail = error["detail"].as_str().unwrap();
    let number = |before: &str| -> u64 {
        let (_, rest) = detail.split_once(before).unwrap_or_else(|| panic!("{before}: {detail}"));
        rest.split([' ', '.']).next().unwrap().parse().unwrap()
    };
    assert_eq!((number("had estimated "), number("memory_mb are ")), (estimate, 64), "{detail}");
    assert!(number("It held ") + number("it asked for ") > 64, "{detail}");
    assert!(error["hint"].as_str().unwrap().contains("resources.memory_mb"));
    // It would fail at the same step again, which is not tried a third time.
    assert_eq!(job["runs"].as_array().unwrap().len(), 2);
    assert_eq!(server.finished(&submit(&server, &iris(1)).await).await["status"], "succeeded");
}

/// Connections beyond what may be open wait outside, and nothing else wants for files.
#[tokio::test]
async fn few_open_files_are_enough_to_serve_and_to_train() {
    let _alone = alone().await;
    let limit = ["sh", "-c", r#"ulimit -n 160 && exec "$0" "$@""#];
    let server = Served::start_by(&limit, tempfile::tempdir().unwrap(), &["--header-seconds", "1"]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let id = submit(&server, &talkative(500)).await;
    let (address, before) =
        (server.address.trim_start_matches("http://").to_owned(), processor_time(&server));
    let mut idle = Vec::new();
    for _ in 0..400 {
        idle.push(TcpStream::connect(&address).await.unwrap());
    }
    let begun = Instant::now();
    // A client without a connection of its own yet.
    let answer = reqwest::get(server.url("/healthz")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(begun.elapsed() < Duration::from_secs(30));
    assert_eq!(server.finished(&id).await["status"], "succeeded");
    nothing_was_lost(&server, &id, 500).await;
    let spent = processor_time(&server).saturating_sub(before);
    assert!(spent < begun.elapsed() / 2, "{spent:?} of {:?}", begun.elapsed());
    drop(idle);
}

/// What the server has computed so far, in the kernel's ticks of a hundredth of a second.
fn processor_time(server: &Served) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
