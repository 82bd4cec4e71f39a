//! What operators ask: is it ready, which figures are there.

use std::time::Duration;

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;
use crate::support::{Server, alone, server, server_with};

/// The value of a sample in Prometheus's text form.
fn sample(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(' ')))?;
    line.rsplit_once(' ')?.1.parse().ok()
}

async fn figure(server: &Server, name: &str) -> Option<f64> {
    sample(server.get("/metrics").await.text(), name)
}

#[tokio::test]
async fn jobs_and_runs_are_counted() {
    let _alone = alone().await;
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    assert_eq!(figure(&server, r#"lyceum_jobs{status="queued"}"#).await, Some(0.0));
    assert_eq!(figure(&server, r#"lyceum_runs_finished_total{status="lost"}"#).await, Some(0.0));
    server.train(&iris(1)).await;
    let running = server.submit(&iris(1_000_000)).await;
    server.until(&running, |job| job["status"] == "running").await;
    assert_eq!(figure(&server, r#"lyceum_jobs{status="succeeded"}"#).await, Some(1.0));
    assert_eq!(figure(&server, r#"lyceum_jobs{status="running"}"#).await, Some(1.0));
    assert_eq!(figure(&server, r#"lyceum_runs_finished_total{status="succeeded"}"#).await, Some(1.0));
    server.order(&format!("/v1/jobs/{running}/cancel")).await.expect(202);
    server.finished(&running).await;
    assert_eq!(figure(&server, r#"lyceum_jobs{status="running"}"#).await, Some(0.0));
    assert_eq!(figure(&server, r#"lyceum_jobs{status="cancelled"}"#).await, Some(1.0));
    assert_eq!(figure(&server, r#"lyceum_runs_finished_total{status="cancelled"}"#).await, Some(1.0));
    let requests = r#"lyceum_http_requests_total{method="POST",route="/v1/jobs",status="202"}"#;
    assert_eq!(figure(&server, requests).await, Some(2.0));
}

/// The sum of a counter over its labels; 0 where there is none of it.
fn total(text: &str, name: &str) -> f64 {
    let samples =
        text.lines().filter(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
    samples.filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok()).sum()
}

#[tokio::test]
async fn the_queue_the_writer_and_the_steps_are_told() {
    let _alone = alone().await;
    let server = server_with(|config| config.jobs.threads = 1).await;
    server.add_csv("iris", IRIS).await;
    let job = server.train(&iris(2)).await;
    let steps = job["progress"]["step"].as_f64().unwrap();
    assert_eq!(figure(&server, "lyceum_steps_trained_total").await, Some(steps));
    assert_eq!(figure(&server, "lyceum_queue_depth").await, Some(0.0));
    assert_eq!(figure(&server, "lyceum_queue_oldest_age_seconds").await, Some(0.0));

    let running = server.submit(&iris(1_000_000)).await;
    server.until(&running, |job| job["status"] == "running" && job["progress"]["step"] != 0).await;
    let first = server.submit(&iris(1)).await;
    let second = server.submit(&iris(1)).await;
    let figures = server.get("/metrics").await;
    assert_eq!(sample(figures.text(), "lyceum_queue_depth"), Some(2.0));
    assert_eq!(sample(figures.text(), r#"lyceum_runs{status="running"}"#), Some(1.0));
    let age = sample(figures.text(), "lyceum_queue_oldest_age_seconds").unwrap();
    assert!(age > 0.0 && age < 600.0, "{age}");
    assert!(sample(figures.text(), "lyceum_steps_trained_total").unwrap() > steps);

    let batches = sample(figures.text(), "lyceum_store_batch_commands_count").unwrap();
    let commands = sample(figures.text(), "lyceum_store_batch_commands_sum").unwrap();
    assert!(batches > 3.0 && commands >= batches, "{batches} batches of {commands}");
    assert_eq!(sample(figures.text(), "lyceum_store_commit_seconds_count"), Some(batches));
    for id in [&first, &second, &running] {
        server.order(&format!("/v1/jobs/{id}/cancel")).await;
        server.finished(id).await;
    }
    server.delete(&format!("/v1/jobs/{first}")).await.expect(204);
    let figures = server.get("/metrics").await;
    assert_eq!(sample(figures.text(), r#"lyceum_jobs{status="cancelled"}"#), Some(2.0), "one was deleted");
    assert_eq!(total(figures.text(), "lyceum_jobs"), 3.0);
    assert_eq!(total(figures.text(), "lyceum_runs"), 0.0);
}

#[tokio::test]
async fn refusals_are_counted_by_what_was_full() {
    let server = server_with(|config| {
        config.jobs.queue = 0;
        config.http.streams = 0;
        config.jobs.disk_budget_bytes = 1 << 30;
    })
    .await;
    server.add_csv("iris", IRIS).await;
    server.post("/v1/jobs", &iris(1)).await.expect(429);
    server.get("/v1/events").await.expect(429);
    let figures = server.get("/metrics").await;
    for reason in ["queue", "streams"] {
        let name = format!(r#"lyceum_http_refused_total{{reason="{reason}"}}"#);
        assert_eq!(sample(figures.text(), &name), Some(1.0), "{name}");
    }
    assert_eq!(total(figures.text(), "lyceum_http_refused_total"), 2.0);
    assert_eq!(sample(figures.text(), "lyceum_data_folder_budget_bytes"), Some(f64::from(1 << 30)));
    assert!(sample(figures.text(), "lyceum_data_folder_bytes").unwrap() > 0.0);
    assert_eq!(sample(figures.text(), "lyceum_audit_lines_lost_total"), Some(0.0));
}

#[tokio::test]
async fn a_silent_run_is_a_lost_lease_and_a_retry() {
    let _alone = alone().await;
    let server = server_with(|config| config.jobs.run_lease_seconds = 1).await;
    server.add_csv("iris", IRIS).await;
    let id = server.submit(&iris(1_000_000)).await;
    server.until(&id, |job| job["progress"]["step"] != 0).await;
    let id_of_job = lyceum::store::JobId(id.parse().unwrap());
    let runs = server.state.store.runs(id_of_job).await.unwrap();
    let pid = Pid::from_raw(runs[0].process.as_ref().unwrap().pid).unwrap();
    rustix::process::kill_process(pid, Signal::STOP).unwrap();
    while figure(&server, "lyceum_job_retries_total").await == Some(0.0) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(figure(&server, "lyceum_run_leases_lost_total").await, Some(1.0));
    assert_eq!(figure(&server, r#"lyceum_runs_finished_total{status="lost"}"#).await, Some(1.0));
    server.order(&format!("/v1/jobs/{id}/cancel")).await.expect(202);
    server.finished(&id).await;
}

/// Every alert is about a figure that the server has.
#[tokio::test]
async fn alerts_name_figures_that_there_are() {
    let server = server().await;
    // What has labels is there from the first request on.
    server.get("/healthz").await.expect(200);
    let figures = server.get("/metrics").await;
    let rules = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/alerts.yaml")).unwrap();
    let rules: Value = yaml_serde::from_str(&rules).unwrap();
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/operations.md")).unwrap();
    let mut named = 0;
    for rule in
        rules["groups"].as_array().unwrap().iter().flat_map(|group| group["rules"].as_array().unwrap())
    {
        let alert = rule["alert"].as_str().unwrap();
        assert!(
            page.contains(&format!("| `{alert}` |")),
            "docs/operations.md does not tell what {alert} means"
        );
        assert!(
            rule["annotations"]["summary"].is_string() && rule["labels"]["severity"].is_string(),
            "{alert}"
        );
        let words = rule["expr"].as_str().unwrap().split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        for name in words.filter(|word| word.starts_with("lyceum_") || word.starts_with("process_")) {
            let told = figures
                .text()
                .lines()
                .any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' '])));
            assert!(told, "{alert} is about {name}, which the server does not tell");
            named += 1;
        }
    }
    assert!(named >= 8, "only {named} figures are named");
}

#[tokio::test]
async fn readiness_says_what_is_missing() {
    let server = server().await;
    assert_eq!(server.get("/readyz").await.expect(200), json!({"ready": true}));
    let artifacts = server.folder.path().join("data/artifacts");
    let aside = server.folder.path().join("aside");
    std::fs::rename(&artifacts, &aside).unwrap();
    // What stands there now cannot be written to, not even by root.
    std::fs::write(&artifacts, "").unwrap();
    let refused = server.get("/readyz").await;
    assert_eq!(refused.status, 503);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    assert!(refused.detail().contains("artifacts"), "{}", refused.detail());
    assert!(!refused.text().contains(server.folder.path().to_str().unwrap()), "{}", refused.text());
    assert_eq!(server.get("/healthz").await.expect(200), json!({"live": true}));
    std::fs::remove_file(&artifacts).unwrap();
    std::fs::rename(&aside, &artifacts).unwrap();
    server.get("/readyz").await.expect(200);
    server.state.store.close().await;
    let refused = server.get("/readyz").await;
    assert!(refused.status == 503 && refused.detail().contains("store"), "{}", refused.detail());
}

#[tokio::test]
async fn a_server_ends_when_it_is_told_to() {
    let server = Served::start(&[]);
    assert_eq!(server.get("/readyz").await.expect(200), json!({"ready": true}));
    let version = server.get("/v1/version").await.expect(200);
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    let contract = server.get("/openapi.yaml").await;
    assert_eq!(contract.text(), lyceum::http::openapi::yaml());
    let begun = lyceum::clock::monotonic();
    drop(server);
    assert!(begun.elapsed() < Duration::from_secs(10));
}
