//! What need not be kept goes, what something needs stays, and a data folder that holds as much as it may takes no more.

use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;
use crate::support::{Answer, alone};

async fn start(arguments: &[&str]) -> Served {
    let server = Served::start(&[&["--sweep-seconds", "1"], arguments].concat());
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    server
}

async fn trained(server: &Served) -> String {
    let job = server.post("/v1/jobs", &iris(3)).await.expect(202);
    let id = job["id"].as_str().unwrap().to_owned();
    assert_eq!(server.finished(&id).await["status"], "succeeded");
    id
}

/// Asks until the answer is so.
async fn until(server: &Served, path: &str, stands: impl Fn(&Answer) -> bool) -> Answer {
    let begun = Instant::now();
    loop {
        let request =
            server.client.get(server.url(path)).header("accept", "application/json, text/plain, */*");
        let answer = server.send("GET", path, request).await;
        if stands(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{path}: {}", answer.text());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn kinds(events: &Value) -> Vec<&str> {
    events["data"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap()).collect()
}

async fn predicts(server: &Served) {
    let flower = json!({"inputs": [[5.1, 3.5, 1.4, 0.2]]});
    server.post("/v1/models/iris/predict", &flower).await.expect(200);
}

#[tokio::test]
async fn events_and_logs_of_old_jobs_go_and_their_end_stays() {
    let _alone = alone().await;
    let server = start(&["--keep-events-seconds", "1", "--keep-logs-seconds", "1"]).await;
    let id = trained(&server).await;
    let paused =
        server.post("/v1/jobs", &iris(1_000_000)).await.expect(202)["id"].as_str().unwrap().to_owned();
    until(&server, &format!("/v1/jobs/{paused}"), |job| job.body["progress"]["step"].as_u64() > Some(0))
        .await;
    let orphan = server.data().join("artifacts/models/left/1/weights.safetensors");
    std::fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    std::fs::write(&orphan, "x").unwrap();
    let long_ago = SystemTime::now() - Duration::from_hours(48);
    std::fs::File::options().write(true).open(&orphan).unwrap().set_modified(long_ago).unwrap();

    let thinned = |answer: &Answer| kinds(&answer.body).iter().all(|kind| matches!(*kind, "status" | "end"));
    let events = until(&server, &format!("/v1/jobs/{id}/events?limit=1000"), thinned).await;
    assert_eq!(kinds(&events.body), ["status", "status", "status", "end"]);
    until(&server, &format!("/v1/jobs/{id}/logs"), |answer| answer.bytes.is_empty()).await;
    let job = server.get(&format!("/v1/jobs/{id}")).await.expect(200);
    assert_eq!(job["status"], "succeeded");
    let series = server.get(&format!("/v1/jobs/{id}/metrics?name=loss")).await.expect(200);
    assert_eq!(series["data"][0]["points"].as_array().unwrap().len(), 3);
    predicts(&server).await;
    while orphan.exists() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // One that is not finished keeps all.
    let log = server.get(&format!("/v1/jobs/{paused}/logs")).await;
    assert!(log.text().contains("a run begins"), "{}", log.text());
    let events = format!("/v1/jobs/{paused}/events?limit=1000");
    until(&server, &events, |answer| kinds(&answer.body).contains(&"progress")).await;
}

#[tokio::test]
async fn old_jobs_go_and_their_models_stay() {
    let _alone = alone().await;
    let server = start(&["--keep-jobs-seconds", "1"]).await;
    let (running, id) = {
        let running = server.post("/v1/jobs", &iris(1_000_000)).await.expect(202);
        (running["id"].as_str().unwrap().to_owned(), trained(&server).await)
    };
    until(&server, &format!("/v1/jobs/{id}"), |answer| answer.status == 404).await;
    predicts(&server).await;
    let version = server.get("/v1/models/iris/versions/1").await.expect(200);
    assert_eq!((&version["job"], &version["spec"]["seed"]), (&json!(id), &json!(7)), "{version}");
    server.get(&format!("/v1/jobs/{running}")).await.expect(200);
    server.get("/v1/datasets/iris").await.expect(200);
    let runs: Vec<_> = std::fs::read_dir(server.data().join("artifacts/runs")).unwrap().collect();
    assert!(runs.len() <= 1, "{runs:?}");
}

#[tokio::test]
async fn a_folder_that_holds_as_much_as_it_may_takes_no_more() {
    let _alone = alone().await;
    let server = start(&["--disk-budget-bytes", "12000000"]).await;
    trained(&server).await;
    let table = |rows: usize| format!("a,b\n{}", "1,2\n".repeat(rows));
    // Refused by its length, before it comes.
    let refused = server.post_as("/v1/datasets?name=large&format=csv", "text/csv", table(4_000_000)).await;
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(refused.detail().contains("--disk-budget-bytes"), "{}", refused.detail());
    server.post_as("/v1/datasets?name=large&format=csv", "text/csv", table(700_000)).await.expect(201);
    let unready = until(&server, "/readyz", |answer| answer.status == 503).await;
    assert!(unready.detail().contains("the data folder holds"), "{}", unready.detail());
    let uploaded = server.post_as("/v1/datasets?name=small&format=csv", "text/csv", "a,b\n1,2\n").await;
    let posted = server.post("/v1/jobs", &iris(1)).await;
    for refused in [uploaded, posted] {
        assert_eq!(refused.status, 507, "{}", refused.text());
        assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    }
    // What is there is served, and what is deleted makes room.
    predicts(&server).await;
    let path = "/v1/datasets/large/versions/1";
    server.send("DELETE", path, server.client.delete(server.url(path))).await.expect(204);
    until(&server, "/readyz", |answer| answer.status == 200).await;
    trained(&server).await;
}
