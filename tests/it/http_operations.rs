//! What operators ask: is it ready, which figures are there.

use serde_json::json;

use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;
use crate::support::{Server, alone, server};

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
    assert!(begun.elapsed() < std::time::Duration::from_secs(10));
}
