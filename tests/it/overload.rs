//! More than a server can do: what it takes is answered as before, the rest is told to come again, health stays green, and
//! training goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::access::{make, with};
use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;
use crate::support::{alone, server_with};

/// Requests that are answered at once.
const ROOM: usize = 4;

/// Ten times as many clients ask without a pause.
const CLIENTS: usize = 10 * ROOM;

/// How long the load is kept up at most.
const PATIENCE: Duration = Duration::from_secs(30);

async fn trained() -> (Served, String) {
    let room = ROOM.to_string();
    let server = Served::start(&["--requests", &room, "--write-seconds", "1"]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let id = submit(&server, &iris(1)).await;
    assert_eq!(server.finished(&id).await["status"], "succeeded");
    let id = submit(&server, &iris(1_000_000)).await;
    (server, id)
}

async fn submit(server: &Served, body: &Value) -> String {
    let job = server.post("/v1/jobs", body).await.expect(202);
    job["id"].as_str().unwrap().to_owned()
}

/// The step of a job, asked for until there is room to answer.
async fn step(server: &Served, id: &str) -> u64 {
    loop {
        let answer = server.get(&format!("/v1/jobs/{id}")).await;
        if answer.status == 200 {
            return answer.body["progress"]["step"].as_u64().unwrap();
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_told_to_come_again() {
    let _alone = alone().await;
    let (server, id) = trained().await;
    let body = json!({"inputs": vec![[5.1, 3.5, 1.4, 0.2]; 20_000]}).to_string();
    let url = server.url("/v1/models/iris/predict");
    let begun = Instant::now();
    server.post_as("/v1/models/iris/predict", "application/json", body.clone()).await.expect(200);
    let alone = begun.elapsed();
    let (over, refused) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let ask = || {
        let (client, url, body) = (server.client.clone(), url.clone(), body.clone());
        let (over, refused) = (over.clone(), refused.clone());
        async move {
            let mut served = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let request = client.post(&url).header("content-type", "application/json").body(body.clone());
                // A refusal may come before all of the body has gone.
                let Ok(answer) = request.send().await else { continue };
                match answer.status().as_u16() {
                    200 => served.push(begun.elapsed()),
                    429 | 503 => {
                        assert!(answer.headers().contains_key("retry-after"));
                        refused.fetch_add(1, Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                    status => panic!("{status}: {}", answer.text().await.unwrap()),
                }
            }
            served
        }
    };
    let clients: Vec<_> = (0..CLIENTS).map(|_| tokio::spawn(ask())).collect();
    let before = step(&server, &id).await;
    let mut after = before;
    while (refused.load(Ordering::Relaxed) < 200 || after == before) && begun.elapsed() < PATIENCE {
        for path in ["/healthz", "/readyz", "/metrics"] {
            let asked = Instant::now();
            server.get(path).await.expect(200);
            assert!(asked.elapsed() < Duration::from_secs(5), "{path} took {:?}", asked.elapsed());
        }
        after = step(&server, &id).await;
    }
    over.store(true, Ordering::Relaxed);
    let mut served = Vec::new();
    for client in clients {
        served.extend(client.await.unwrap());
    }
    served.sort_unstable();
    let refused = refused.load(Ordering::Relaxed);
    println!("{} served, {refused} refused, alone {alone:?}, at most {:?}", served.len(), served.last());
    assert!(refused >= 200 && served.len() > ROOM, "{} served, {refused} refused", served.len());
    // As many as are served at once share the processor with training and with all these clients.
    let median = served[served.len() / 2];
    assert!(
        median < alone * 10 * ROOM as u32 + Duration::from_millis(500),
        "{median:?} instead of {alone:?}"
    );
    assert!(after > before, "training stood still at step {before}");
}

/// One who takes nothing of a stream is cut, and finds all of it where it goes on.
#[tokio::test]
async fn a_stream_that_nobody_reads_is_cut_and_resumed() {
    let _alone = alone().await;
    let (server, id) = trained().await;
    let mut stream = TcpStream::connect(server.address.trim_start_matches("http://")).await.unwrap();
    let head = "GET /v1/events HTTP/1.1\r\nhost: localhost\r\naccept: text/event-stream\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let open = async || {
        let figures = server.get("/metrics").await;
        figures.text().lines().any(|line| line.starts_with("lyceum_event_streams 1"))
    };
    let begun = Instant::now();
    while !open().await {
        assert!(begun.elapsed() < Duration::from_secs(10), "{}", server.get("/metrics").await.text());
    }
    // Every step of some jobs, until neither side's buffers take more.
    let mut talkative = iris(2_000);
    talkative["report"] = json!({"every_steps": 1});
    server.client.post(server.url(&format!("/v1/jobs/{id}/cancel"))).send().await.unwrap();
    while open().await {
        assert!(begun.elapsed() < Duration::from_mins(2), "the stream is not cut");
        let id = submit(&server, &talkative).await;
        assert_eq!(server.finished(&id).await["status"], "succeeded");
    }
    let counted = async || {
        let figures = server.get("/metrics").await;
        figures.text().lines().any(|line| line == "lyceum_slow_readers_cut_total 1")
    };
    while !counted().await {
        assert!(begun.elapsed() < Duration::from_mins(2), "a reader that was cut is not counted");
    }
    // What was sent is whole up to where it was cut; the rest is told behind the last id that was seen.
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text).await;
    let text = String::from_utf8_lossy(&text);
    let ids = text.lines().filter_map(|line| line.strip_prefix("id: ")?.parse::<u64>().ok());
    let seen: Vec<u64> = ids.collect();
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]));
    let path = format!("/v1/events?after={}&limit=1", seen[seen.len() - 2]);
    let request = server.client.get(server.url(&path)).header("accept", "application/json");
    let next = server.send("GET", &path, request).await.expect(200);
    assert_eq!(next["data"][0]["id"], json!(seen[seen.len() - 1]));
}

#[tokio::test]
async fn a_key_has_as_many_unfinished_jobs_as_it_may() {
    let _alone = alone().await;
    let server = server_with(|config| {
        config.jobs.jobs_per_key = 2;
        config.jobs.threads = 1;
    })
    .await;
    server.add_csv("iris", IRIS).await;
    let admin = make(&server, None, json!({"name": "admin", "scopes": ["admin"]})).await;
    let other = make(&server, Some(&admin), json!({"name": "other", "scopes": ["train", "read"]})).await;
    let post = async |key: &str| with(&server, key, "POST", "/v1/jobs", &iris(1_000_000)).await;
    let first = post(&admin).await.expect(202)["id"].as_str().unwrap().to_owned();
    post(&admin).await.expect(202);
    let refused = post(&admin).await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 0);
    post(&other).await.expect(202);
    let cancel = format!("/v1/jobs/{first}/cancel");
    with(&server, &admin, "POST", &cancel, &Value::Null).await.expect(202);
    while with(&server, &admin, "GET", &format!("/v1/jobs/{first}"), &Value::Null).await.body["finished_at"]
        .is_null()
    {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    post(&admin).await.expect(202);
}
