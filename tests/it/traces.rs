//! A request's trace goes on in the run of the job that it posted, and a collector hears of both.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::json;

use crate::support::alone;
use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;

type Heard = Arc<Mutex<Vec<Bytes>>>;

async fn hear(State(heard): State<Heard>, headers: HeaderMap, body: Bytes) {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    heard.lock().unwrap().push(body);
}

/// A collector's address, and what it was sent.
async fn collector() -> (String, Heard) {
    let heard = Heard::default();
    let router = axum::Router::new().route("/v1/traces", post(hear)).with_state(heard.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, heard)
}

/// How often some bytes stand in what was sent.
fn times(heard: &Heard, bytes: &[u8]) -> usize {
    let heard = heard.lock().unwrap();
    heard.iter().map(|body| body.windows(bytes.len()).filter(|window| *window == bytes).count()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_belongs_to_the_trace_of_the_request_that_posted_its_job() {
    let _alone = alone().await;
    let (url, heard) = collector().await;
    let server = Served::start(&["--otlp-endpoint", &url]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let (trace, span) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");
    let request = server.client.post(server.url("/v1/jobs")).json(&iris(2));
    let request = request.header("traceparent", format!("00-{trace}-{span}-01"));
    let job = server.send("POST", "/v1/jobs", request).await.expect(202);
    let id = job["id"].as_str().unwrap();
    let job = server.finished(id).await;
    assert_eq!(job["status"], "succeeded");

    let run: uuid::Uuid = job["runs"][0]["id"].as_str().unwrap().parse().unwrap();
    let bytes = |hexadecimal: &str, count: usize| {
        u128::from_str_radix(hexadecimal, 16).unwrap().to_be_bytes()[16 - count..].to_vec()
    };
    let begun = Instant::now();
    // Two spans of the trace, of which one is the run's, below the other, which is below the caller's.
    while times(&heard, &bytes(trace, 16)) < 2 || times(&heard, &run.as_bytes()[8..]) < 1 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the collector did not hear of the run");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(times(&heard, &bytes(span, 8)), 1);
    assert_eq!(times(&heard, b"POST /v1/jobs"), 1);
    assert!(times(&heard, b"succeeded") > 0);
    let log = server.get(&format!("/v1/jobs/{id}/logs")).await;
    assert!(log.text().contains(trace), "{}", log.text());

    // So does one that is posted again together with others.
    let again = "4bf92f3577b34da6a3ce929d0e0e4736";
    let request = server.client.post(server.url("/v1/jobs/actions"));
    let request = request.json(&json!({"action": "retry", "jobs": [id]}));
    let request = request.header("traceparent", format!("00-{again}-{span}-01"));
    let told = server.send("POST", "/v1/jobs/actions", request).await.expect(200);
    let id = told["data"][0]["job"]["id"].as_str().unwrap();
    assert_eq!(server.finished(id).await["status"], "succeeded");
    let log = server.get(&format!("/v1/jobs/{id}/logs")).await;
    assert!(log.text().contains(again), "{}", log.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_holds_nothing_up() {
    let _alone = alone().await;
    let server = Served::start(&["--otlp-endpoint", "http://127.0.0.1:9"]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let job = server.post("/v1/jobs", &iris(1)).await.expect(202);
    assert_eq!(server.finished(job["id"].as_str().unwrap()).await["status"], "succeeded");
    assert_eq!(server.get("/healthz").await.body, json!({"live": true}));
}
