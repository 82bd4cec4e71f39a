//! Streams of events over a socket: whole, cut and resumed, of one job and of all.

use futures::StreamExt;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;
use crate::support::{alone, request, server};

/// An event as it comes over the stream.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    /// 0 for one that has none.
    id: u64,
    event: String,
    data: Value,
}

/// A stream of events under way.
struct Stream {
    pieces: futures::stream::BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    text: String,
}

impl Stream {
    async fn open(server: &Served, path: &str, last: Option<u64>) -> Self {
        let mut request = server.client.get(server.url(path)).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { pieces: response.bytes_stream().boxed(), text: String::new() }
    }

    /// The next event; `None` where the server ended the stream.
    async fn next(&mut self) -> Option<Told> {
        loop {
            while let Some(end) = self.text.find("\n\n") {
                let told = parse(&self.text[..end]);
                self.text.drain(..end + 2);
                if told.is_some() {
                    return told;
                }
            }
            let Some(piece) = self.pieces.next().await else {
                assert_eq!(self.text, "", "the stream was cut within an event");
                return None;
            };
            self.text.push_str(std::str::from_utf8(&piece.unwrap()).unwrap());
        }
    }

    async fn rest(mut self) -> Vec<Told> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await {
            all.push(told);
        }
        all
    }
}

/// A block of lines; `None` for a comment.
fn parse(block: &str) -> Option<Told> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    Some(Told {
        id: field("id").map_or(0, |id| id.parse().unwrap()),
        event: field("event")?.to_owned(),
        data: serde_json::from_str(field("data").unwrap()).unwrap(),
    })
}

async fn with_iris() -> Served {
    let server = Served::start(&[]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    server
}

async fn submit(server: &Served, body: &Value) -> String {
    let job = server.post("/v1/jobs", body).await.expect(202);
    job["id"].as_str().unwrap().to_owned()
}

/// What is stored of a job's events.
async fn stored(server: &Served, id: &str) -> Vec<Told> {
    let path = format!("/v1/jobs/{id}/events?limit=1000");
    let request = server.client.get(server.url(&path)).header("accept", "application/json");
    let list = server.send("GET", &path, request).await.expect(200);
    assert_eq!(list["next"], Value::Null, "more events than a page holds");
    let told = |event: &Value| Told {
        id: event["id"].as_u64().unwrap(),
        event: event["event"].as_str().unwrap().to_owned(),
        data: event["data"].clone(),
    };
    list["data"].as_array().unwrap().iter().map(told).collect()
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_where_it_was() {
    let _alone = alone().await;
    let server = with_iris().await;
    let id = submit(&server, &iris(600)).await;
    let path = format!("/v1/jobs/{id}/events");
    let (mut seen, mut cuts): (Vec<Told>, u32) = (Vec::new(), 0);
    // Cut after 1, 2, 3 … events, so that it is cut before, within and behind what is stored already.
    'whole: for length in 1.. {
        let mut stream = Stream::open(&server, &path, seen.last().map(|told| told.id)).await;
        for _ in 0..length {
            let Some(told) = stream.next().await else { break 'whole };
            let ends = told.event == "end";
            seen.push(told);
            if ends {
                assert_eq!(stream.next().await, None, "the stream goes on behind the end");
                break 'whole;
            }
        }
        cuts += 1;
    }
    assert!(cuts >= 3, "{cuts} cuts of {} events", seen.len());
    assert_eq!(seen, stored(&server, &id).await);
    assert!(seen.windows(2).all(|pair| pair[0].id < pair[1].id));
    let kinds: Vec<&str> = seen.iter().map(|told| &told.event[..]).collect();
    assert_eq!((kinds[0], kinds[1], kinds[kinds.len() - 2]), ("status", "status", "status"));
    for kind in ["progress", "metrics", "checkpoint"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    assert_eq!(seen[0].data, json!({"status": "queued", "run": null}));
    let end = &seen.last().unwrap().data;
    assert_eq!(
        (&end["status"], &end["model"]),
        (&json!("succeeded"), &json!({"name": "iris", "version": 1}))
    );
    // Every point of a series is told once.
    let points = seen
        .iter()
        .filter(|told| told.event == "metrics")
        .flat_map(|told| told.data["points"].as_array().unwrap());
    let steps: Vec<u64> = points
        .filter(|point| point["name"] == "step_loss")
        .map(|point| point["step"].as_u64().unwrap())
        .collect();
    assert_eq!(steps, (1..=6_000).collect::<Vec<_>>());

    // The stream of a finished job replays it and ends; behind its end there is nothing to come for.
    assert_eq!(Stream::open(&server, &path, None).await.rest().await, seen);
    let part = Stream::open(&server, &path, Some(seen[4].id)).await.rest().await;
    assert_eq!(part, seen[5..]);
    assert_eq!(server.get(&format!("{path}?after={}", seen.last().unwrap().id)).await.status, 204);
}

#[tokio::test]
async fn one_stream_tells_of_all_jobs() {
    let _alone = alone().await;
    let server = with_iris().await;
    let before = submit(&server, &iris(2)).await;
    server.finished(&before).await;
    let mut stream = Stream::open(&server, "/v1/events", None).await;
    let jobs = [submit(&server, &iris(3)).await, submit(&server, &iris(3)).await];
    let (mut seen, mut ends) = (Vec::new(), 0);
    while ends < 3 {
        let told = stream.next().await.unwrap();
        ends += u32::from(told.event == "end");
        seen.push(told);
    }
    assert!(seen.windows(2).all(|pair| pair[0].id < pair[1].id));
    for id in [&before, &jobs[0], &jobs[1]] {
        let own: Vec<Told> = seen
            .iter()
            .filter(|told| told.data["job"] == **id)
            .cloned()
            .map(|mut told| {
                let data = told.data.as_object_mut().unwrap();
                data.shift_remove("job");
                assert!(data.shift_remove("time").is_some_and(|time| time.is_string()), "{told:?}");
                told
            })
            .collect();
        assert_eq!(own, stored(&server, id).await);
    }
    // Resumed behind what was seen, nothing is told twice.
    let last = seen[seen.len() - 3].id;
    let mut resumed = Stream::open(&server, "/v1/events", Some(last)).await;
    assert_eq!([resumed.next().await, resumed.next().await].map(Option::unwrap), seen[seen.len() - 2..]);
    let metrics = server.get("/metrics").await;
    assert!(metrics.text().contains("lyceum_event_streams 2"), "{}", metrics.text());
    drop((stream, resumed));
    for _ in 0..100 {
        if server.get("/metrics").await.text().contains("lyceum_event_streams 0") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("streams whose readers are gone stay open");
}

/// Who only wants to hear what comes learns where it stands, so that it can go on from there however early it is cut.
#[tokio::test]
async fn a_stream_may_begin_with_what_comes() {
    let _alone = alone().await;
    let server = with_iris().await;
    let before = submit(&server, &iris(1)).await;
    server.finished(&before).await;
    let mut stream = Stream::open(&server, "/v1/events?after=latest", None).await;
    let place = stream.next().await.unwrap();
    let last = stored(&server, &before).await.last().unwrap().id;
    assert_eq!((place.event.as_str(), place.id), ("place", last));
    drop(stream);
    let after = submit(&server, &iris(1)).await;
    server.finished(&after).await;
    // A browser comes again with the address that it began with, and the last id.
    let mut resumed = Stream::open(&server, "/v1/events?after=latest", Some(place.id)).await;
    let first = resumed.next().await.unwrap();
    assert_eq!((first.event.as_str(), &first.data["job"]), ("status", &json!(after)));
    assert_eq!(server.get(&format!("/v1/jobs/{after}/events?after=latest")).await.status, 204);
}

/// Models in use are told live to who asks for it, beside what is stored, and as the figures of the system have them.
#[tokio::test]
async fn a_stream_tells_of_the_models_in_use() {
    let _alone = alone().await;
    let server = with_iris().await;
    let id = submit(&server, &iris(1)).await;
    server.finished(&id).await;
    let mut stream = Stream::open(&server, "/v1/events?after=latest&serving=true", None).await;
    let place = stream.next().await.unwrap();
    let none = stream.next().await.unwrap();
    assert_eq!((none.event.as_str(), none.id, &none.data), ("serving", 0, &json!({"models": []})));
    let row =
        json!({"sepal_length_cm": 5.1, "sepal_width_cm": 3.5, "petal_length_cm": 1.4, "petal_width_cm": 0.2});
    server.post("/v1/models/iris/predict", &json!({"inputs": [row, row]})).await.expect(200);
    server.post("/v1/models/iris/predict", &json!({"inputs": [{"petal": 1}]})).await.expect(422);
    // What was begun when the stream looked is told a second later.
    let told = loop {
        let told = stream.next().await.unwrap();
        assert_eq!(told.event, "serving");
        if told.data["models"][0]["failures"] == 1 {
            break told.data["models"].clone();
        }
    };
    let model = &told[0];
    assert_eq!(
        (&model["name"], &model["version"], &model["requests"]),
        (&json!("iris"), &json!(1), &json!(1))
    );
    assert_eq!((&model["examples"], &model["batches"]), (&json!(2), &json!(1)));
    assert!(model["memory_bytes"].as_u64().unwrap() > 0 && model["last_request_at"].is_string());
    let seconds = |name: &str| model[name].as_f64().unwrap();
    assert!(seconds("compute_seconds") > 0.0 && seconds("compute_seconds") < seconds("request_seconds"));
    assert_eq!(server.get("/v1/system").await.expect(200)["models"], told);
    // Where a stream goes on is not moved by what has no id.
    let after = submit(&server, &iris(1)).await;
    let next = stream.next().await.unwrap();
    assert!(next.id > place.id && next.data["job"] == json!(after), "{next:?}");
    assert_eq!(server.get(&format!("/v1/jobs/{id}/events?serving=true")).await.status, 400);
    server.finished(&after).await;
}

#[tokio::test]
async fn what_is_asked_of_events_is_checked() {
    let _alone = alone().await;
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    let job = server.train(&iris(1)).await;
    let path = format!("/v1/jobs/{}/events", job["id"].as_str().unwrap());
    let ask = async |header: &str, value: &str| {
        server.ask(request("GET", &path).header(header, value), axum::body::Body::empty()).await
    };
    for wrong in ["x", "-1", "1.5", ""] {
        assert_eq!(ask("last-event-id", wrong).await.status, 400, "{wrong}");
        assert_eq!(server.get(&format!("{path}?after={wrong}")).await.status, 400, "{wrong}");
    }
    assert_eq!(ask("accept", "image/png").await.status, 406);
    assert_eq!(server.get(&format!("{path}?since=1")).await.status, 400);
    let first = server
        .ask(
            request("GET", &format!("{path}?limit=1")).header("accept", "application/json"),
            axum::body::Body::empty(),
        )
        .await
        .expect(200);
    let event = &first["data"][0];
    assert_eq!(
        (&event["event"], &event["job"], &event["data"]["status"]),
        (&json!("status"), &job["id"], &json!("queued"))
    );
    assert_eq!(first["next"], event["id"].to_string());
    let whole = ask("accept", "text/event-stream").await;
    assert_eq!(whole.text().matches("event: end\n").count(), 1);
}
