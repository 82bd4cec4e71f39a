//! Jobs over HTTP: posted, watched, found, changed, cancelled, paused, deleted; and what their runs leave.

use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris, with};
use crate::support::{Answer, Server, alone, request, server, server_with};

async fn with_iris() -> Server {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    server
}

fn id_of(job: &Value) -> &str {
    job["id"].as_str().unwrap()
}

fn ids(page: &Value) -> Vec<&str> {
    page["data"].as_array().unwrap().iter().map(id_of).collect()
}

#[tokio::test]
async fn a_job_is_queued_trained_and_kept() {
    let _alone = alone().await;
    let server = with_iris().await;
    let mut body = iris(30);
    body["training"]["dataset"]["validation"] = json!({"fraction": 0.2});
    body["training"]["dataset"]["test"] = json!({"every": 5, "offset": 4});
    body["labels"] = json!({"course": "6.S191"});
    let posted = server.post("/v1/jobs", &body).await;
    assert_eq!(posted.status, 202);
    let id = id_of(&posted.body).to_owned();
    assert_eq!(posted.header("location"), format!("/v1/jobs/{id}"));
    assert_eq!((&posted.body["status"], &posted.body["queue_position"]), (&json!("queued"), &json!(1)));
    assert_eq!(posted.body["progress"]["fraction"], 0.0);
    let spec = &posted.body["spec"];
    assert_eq!(
        (&spec["model_name"], &spec["priority"], &spec["spec_version"]),
        (&json!("iris"), &json!(0), &json!(1))
    );
    assert_eq!(spec["training"]["dataset"]["version"], 1);
    assert_eq!(spec["training"]["model"]["layers"][0]["units"], 3);

    let job = server.finished(&id).await;
    assert_eq!((&job["status"], &job["error"]), (&json!("succeeded"), &Value::Null));
    // 96 of the 120 examples that are no test are trained on, 16 at a time.
    assert_eq!(
        (&job["progress"]["epoch"], &job["progress"]["step"], &job["progress"]["steps"]),
        (&json!(30), &json!(180), &json!(180))
    );
    assert_eq!((&job["progress"]["fraction"], &job["progress"]["eta_seconds"]), (&json!(1.0), &json!(0.0)));
    assert_eq!(
        (&job["deterministic"], &job["desired"], &job["queue_position"]),
        (&json!(true), &Value::Null, &Value::Null)
    );
    assert_eq!(job["model"], json!({"name": "iris", "version": 1}));
    for name in [
        "loss",
        "accuracy",
        "val_loss",
        "val_accuracy",
        "test_loss",
        "test_accuracy",
        "learning_rate",
        "gradient_norm",
    ] {
        assert!(job["metrics"][name].is_number(), "{name} in {}", job["metrics"]);
    }
    assert!(job["metrics"]["test_accuracy"].as_f64().unwrap() > 0.8, "{}", job["metrics"]);
    let order =
        |earlier: &Value, later: &Value| assert!(earlier.as_str().unwrap() <= later.as_str().unwrap());
    let run = &job["runs"][0];
    order(&job["created_at"], &job["started_at"]);
    order(&job["started_at"], &run["started_at"]);
    order(&run["started_at"], &run["finished_at"]);
    order(&run["finished_at"], &job["finished_at"]);
    assert_eq!(
        (&run["attempt"], &run["status"], &run["device"], &run["from_step"]),
        (&json!(1), &json!("succeeded"), &json!("cpu"), &json!(0))
    );
    let runs = server.get(&format!("/v1/jobs/{id}/runs")).await.expect(200);
    assert_eq!(runs["data"], job["runs"]);

    // Newest first and as many as are kept; an epoch that ends while a file is still being written has none.
    let mut steps: Vec<u64> = Vec::new();
    for _ in 0..100 {
        let checkpoints = server.get(&format!("/v1/jobs/{id}/checkpoints")).await.expect(200);
        let listed = checkpoints["data"].as_array().unwrap();
        steps = listed.iter().map(|one| one["step"].as_u64().unwrap()).collect();
        if steps.len() <= 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!((1..=2).contains(&steps.len()) && steps.iter().all(|step| step % 6 == 0), "{steps:?}");
    assert!(steps.is_sorted_by(|newer, older| newer > older), "{steps:?}");
    assert_eq!(server.get(&format!("/v1/jobs/{id}/artifacts")).await.expect(200)["data"], json!([]));
    server.get(&format!("/v1/jobs/{id}/artifacts/nothing.csv")).await.expect(404);
}

#[tokio::test]
async fn series_are_told_whole_in_part_and_thinned() {
    let _alone = alone().await;
    let server = with_iris().await;
    let id = id_of(&server.train(&iris(40)).await).to_owned();
    let series = async |query: &str| {
        server.get(&format!("/v1/jobs/{id}/metrics{query}")).await.expect(200)["data"]
            .as_array()
            .unwrap()
            .clone()
    };
    let steps = |series: &Value| -> Vec<u64> {
        series["points"].as_array().unwrap().iter().map(|point| point[0].as_u64().unwrap()).collect()
    };
    let all = series("").await;
    let step_loss = all.iter().find(|series| series["name"] == "step_loss").unwrap();
    assert_eq!(steps(step_loss), (1..=400).collect::<Vec<_>>());
    let loss = all.iter().find(|series| series["name"] == "loss").unwrap();
    assert_eq!(steps(loss), (1..=40).map(|epoch| epoch * 10).collect::<Vec<_>>());
    assert_eq!(loss["points"][39][1], 40.0);

    let one = series("?name=step_loss&since_step=390").await;
    assert_eq!((one.len(), steps(&one[0])), (1, (391..=400).collect()));
    let thin = series("?name=step_loss&max_points=20").await;
    let kept = steps(&thin[0]);
    assert!(kept.len() <= 20 && kept.is_sorted(), "{kept:?}");
    assert_eq!((kept.first(), kept.last()), (Some(&1), Some(&400)));
    let value = |point: &Value| point[3].as_f64().unwrap();
    let least = |points: &Value| points.as_array().unwrap().iter().map(value).fold(f64::INFINITY, f64::min);
    let most =
        |points: &Value| points.as_array().unwrap().iter().map(value).fold(f64::NEG_INFINITY, f64::max);
    let (whole, thin) = (&step_loss["points"], &thin[0]["points"]);
    assert!((least(whole), most(whole)) == (least(thin), most(thin)));
    let run = server.job(&id).await["runs"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(series(&format!("?run={run}&name=loss")).await[0], *loss);
    assert!(series("?name=nothing").await.is_empty());
    for wrong in ["max_points=0", "max_points=10001", "since_step=-1", "run=x", "nmae=loss", "name=a&name=b"]
    {
        server.get(&format!("/v1/jobs/{id}/metrics?{wrong}")).await.expect(400);
    }
}

#[tokio::test]
async fn logs_are_told_whole_by_their_end_and_in_ranges() {
    let _alone = alone().await;
    let server = with_iris().await;
    let mut body = iris(500);
    body["training"]["dataset"]["validation"] = json!({"fraction": 0.3});
    body["training"]["early_stopping"] = json!({"monitor": "val_loss", "patience": 2, "restore_best": true});
    body["training"]["optimizer"]["learning_rate"] = json!(0.5);
    let id = server.submit(&body).await;
    let uri = format!("/v1/jobs/{id}/logs");
    server.finished(&id).await;
    let whole = server.get(&uri).await;
    assert_eq!((whole.status.as_u16(), whole.header("content-type")), (200, "text/plain; charset=utf-8"));
    let lines: Vec<&str> = whole.text().lines().collect();
    assert!(whole.text().contains("stopped early") && !whole.text().contains('\u{1b}'), "{}", whole.text());
    let tail = server.get(&format!("{uri}?tail=2")).await;
    assert_eq!(tail.text().lines().collect::<Vec<_>>(), lines[lines.len() - 2..]);
    assert_eq!(server.get(&format!("{uri}?tail=0")).await.text(), "");
    let ranged =
        |range: &'static str| server.ask(request("GET", &uri).header(header::RANGE, range), Body::empty());
    let part = ranged("bytes=5-14").await;
    assert_eq!((part.status.as_u16(), part.text()), (206, &whole.text()[5..15]));
    assert_eq!(part.header("content-range"), format!("bytes 5-14/{}", whole.bytes.len()));
    assert_eq!(ranged("bytes=999999-").await.status, 416);
    let both = request("GET", &format!("{uri}?tail=1")).header(header::RANGE, "bytes=0-1");
    assert_eq!(server.ask(both, Body::empty()).await.status, 400);
    let other = format!("{uri}?run=01890000-0000-7000-8000-000000000000");
    server.get(&other).await.expect(404);
    for wrong in ["tail=-1", "tail=x", "run=x"] {
        server.get(&format!("{uri}?{wrong}")).await.expect(400);
    }
    // The same words stand among the events.
    let events = server.events(&format!("/v1/jobs/{id}/events")).await;
    let log = events.iter().find(|event| event["event"] == "log").unwrap();
    assert!(log["data"]["message"].as_str().unwrap().starts_with("stopped early"));
}

#[tokio::test]
async fn training_stops_early_with_the_best_weights() {
    let _alone = alone().await;
    let server = with_iris().await;
    let mut body = iris(500);
    body["training"]["dataset"]["validation"] = json!({"fraction": 0.3});
    body["training"]["early_stopping"] = json!({"monitor": "val_loss", "patience": 3, "restore_best": true});
    body["training"]["optimizer"]["learning_rate"] = json!(0.5);
    let job = server.train(&body).await;
    let epochs = job["progress"]["epoch"].as_u64().unwrap();
    assert!((4..500).contains(&epochs) && job["progress"]["fraction"] == 1.0, "{}", job["progress"]);
    let uri = format!("/v1/jobs/{}/metrics?name=val_loss", id_of(&job));
    let series = server.get(&uri).await.expect(200);
    let values: Vec<f64> = series["data"][0]["points"]
        .as_array()
        .unwrap()
        .iter()
        .map(|point| point[3].as_f64().unwrap())
        .collect();
    let best = values.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(values.len() as u64 == epochs && values[values.len() - 4] == best, "{values:?}");
    // The model is the best epoch's: its own metrics say so, and so does an evaluation of all rows.
    let version = server.get("/v1/models/iris/versions/1").await.expect(200);
    assert!((version["metrics"]["val_loss"].as_f64().unwrap() - best).abs() < 1e-9, "{}", version["metrics"]);
}

#[tokio::test]
async fn a_job_that_diverges_says_where_and_what_to_do() {
    let _alone = alone().await;
    let server = with_iris().await;
    let mut body = iris(50);
    body["training"]["dataset"]["target"] = json!("sepal_length_cm");
    body["training"]["model"]["layers"] =
        json!([{"type": "dense", "units": 32, "activation": "relu"}, {"type": "dense", "units": 1}]);
    body["training"]["loss"] = json!("mean_squared_error");
    body["training"]["metrics"] = json!([]);
    body["training"]["optimizer"] = json!({"type": "sgd", "learning_rate": 100_000.0});
    let id = server.submit(&body).await;
    let job = server.finished(&id).await;
    assert_eq!((&job["status"], &job["error"]["kind"]), (&json!("failed"), &json!("diverged")), "{job}");
    let (detail, hint) = (job["error"]["detail"].as_str().unwrap(), job["error"]["hint"].as_str().unwrap());
    let step: u64 = detail.rsplit_once("at step ").unwrap().1.parse().unwrap();
    assert!((1..50).contains(&step), "{detail}");
    assert!(hint.contains("learning rate") && hint.contains("gradient_clipping"), "{hint}");
    assert_eq!(job["runs"].as_array().unwrap().len(), 1, "it was retried");
    assert_eq!((&job["runs"][0]["error"], &job["model"]), (&job["error"], &Value::Null));
    let series = server.get(&format!("/v1/jobs/{id}/metrics?name=step_loss")).await.expect(200);
    let last = series["data"][0]["points"].as_array().unwrap().last().unwrap().clone();
    assert_eq!((&last[0], &last[3]), (&json!(step), &Value::Null));
    server.get("/v1/models/iris").await.expect(404);
    let end = server.events(&format!("/v1/jobs/{id}/events")).await.pop().unwrap();
    assert_eq!((&end["event"], &end["data"]["error"]["kind"]), (&json!("end"), &json!("diverged")));

    // The same with gradients kept small goes on to the end.
    body["training"]["gradient_clipping"] = json!({"norm": 1e-6});
    let job = server.train(&body).await;
    assert!(job["metrics"]["loss"].is_number());
}

#[tokio::test]
async fn no_epochs_make_the_untrained_model() {
    let _alone = alone().await;
    let server = server().await;
    server.add_csv("points", "x1,x2,y\n-1,2,0\n2,-1,1\n1,1,1\n").await;
    let mut body = iris(0);
    body["name"] = json!("perceptron");
    body["training"]["dataset"] = json!({"name": "points", "target": "y", "transforms": []});
    body["training"]["model"]["layers"] = json!([{"type": "dense", "units": 1, "activation": "sigmoid",
        "kernel_initializer": {"type": "constant", "value": [[3.0], [-2.0]]},
        "bias_initializer": {"type": "constant", "value": 1.0}}]);
    body["training"]["loss"] = json!("mean_squared_error");
    body["training"]["metrics"] = json!([]);
    let job = server.train(&body).await;
    assert_eq!((&job["progress"]["steps"], &job["progress"]["fraction"]), (&json!(0), &json!(1.0)));
    let told = server.post("/v1/models/perceptron/predict", &json!({"inputs": [[-1, 2]]})).await.expect(200);
    let value = told["predictions"][0]["value"].as_f64().unwrap();
    assert!((value - 0.002_473).abs() < 1e-6, "{value}");
}

/// A server with one thread, a job that has it for long, and four that wait.
async fn with_a_queue() -> (Server, String, Vec<String>) {
    let server = server_with(|config| config.jobs.threads = 1).await;
    server.add_csv("iris", IRIS).await;
    let running = server.submit(&iris(1_000_000)).await;
    server.until(&running, |job| job["status"] == "running").await;
    let mut waiting = Vec::new();
    for number in 0..4 {
        let mut body = iris(1);
        body["name"] = json!(format!("job-{number}"));
        body["labels"] = json!({"number": number.to_string(), "course": "x"});
        waiting.push(server.submit(&body).await);
    }
    (server, running, waiting)
}

async fn cancel(server: &Server, id: &str) -> Answer {
    server.order(&format!("/v1/jobs/{id}/cancel")).await
}

#[tokio::test]
async fn jobs_wait_in_their_order_which_may_be_changed() {
    let _alone = alone().await;
    let (server, running, waiting) = with_a_queue().await;
    let position = async |id: &str| server.job(id).await["queue_position"].clone();
    assert_eq!(position(&waiting[0]).await, 1);
    assert_eq!(position(&waiting[3]).await, 4);
    // Priority goes before age.
    let uri = format!("/v1/jobs/{}", waiting[3]);
    let change = json!({"priority": 5, "notes": "soon"});
    let changed = server.send("PATCH", &uri, &change).await.expect(200);
    assert_eq!((&changed["priority"], &changed["queue_position"]), (&json!(5), &json!(1)));
    assert_eq!(position(&waiting[0]).await, 2);
    let relabelled = server.send("PATCH", &uri, &json!({"labels": {"mine": ""}})).await.expect(200);
    assert_eq!((&relabelled["labels"], &relabelled["notes"]), (&json!({"mine": ""}), &json!("soon")));
    for (change, place) in [
        (json!({"priority": 1001}), "/priority"),
        (json!({"status": "running"}), "/status"),
        (json!({"labels": {"a": 1}}), "/labels/a"),
        (json!({"notes": 3}), "/notes"),
        (json!([]), ""),
    ] {
        let refused = server.send("PATCH", &uri, &change).await;
        assert_eq!((refused.status.as_u16(), refused.pointers()), (422, vec![place]), "{change}");
    }
    let high = server.send("PATCH", &format!("/v1/jobs/{running}"), &json!({"priority": 1})).await;
    assert_eq!(high.status, 409);
    cancel(&server, &running).await.expect(202);
    for id in &waiting {
        assert_eq!(server.finished(id).await["status"], "succeeded");
    }
    assert!(started(&server, &waiting[3]).await < started(&server, &waiting[0]).await);
    assert!(started(&server, &waiting[0]).await < started(&server, &waiting[1]).await);
    assert_eq!(server.send("PATCH", &uri, &json!({"notes": "done"})).await.expect(200)["notes"], "done");
}

#[tokio::test]
async fn jobs_are_found_by_what_they_are() {
    let _alone = alone().await;
    let (server, running, waiting) = with_a_queue().await;
    let found = async |query: &str| {
        let page = server.get(&format!("/v1/jobs?{query}")).await.expect(200);
        ids(&page).into_iter().map(ToOwned::to_owned).collect::<Vec<_>>()
    };
    let newest_first: Vec<String> = waiting.iter().rev().cloned().collect();
    assert_eq!(found("status=queued").await, newest_first);
    assert_eq!(found("status=running").await, std::slice::from_ref(&running));
    assert_eq!(found("status=queued,running").await.len(), 5);
    assert_eq!(found("label=course").await, newest_first);
    assert_eq!(found("label=course=x,number=1").await, [waiting[1].clone()]);
    assert_eq!(found("label=number=7").await, Vec::<String>::new());
    assert_eq!(found("model=job-2").await, [waiting[2].clone()]);
    assert_eq!(found("name=iris").await, std::slice::from_ref(&running));
    let page = server.get("/v1/jobs?limit=3").await.expect(200);
    let next = page["next"].as_str().unwrap();
    assert_eq!(ids(&page), newest_first[..3]);
    assert_eq!(found(&format!("limit=3&after={next}")).await, [waiting[0].clone(), running.clone()]);
    for wrong in ["status=done", "limit=0", "limit=10000", "after=x", "state=queued", "limit="] {
        server.get(&format!("/v1/jobs?{wrong}")).await.expect(400);
    }
    for id in waiting.iter().chain([&running]) {
        cancel(&server, id).await.expect(202);
        assert_eq!(server.finished(id).await["status"], "cancelled");
    }
}

/// A queued job is cancelled at once, a running one when its run has ended; twice is once.
#[tokio::test]
async fn jobs_are_cancelled_and_deleted() {
    let _alone = alone().await;
    let (server, running, waiting) = with_a_queue().await;
    for _ in 0..2 {
        assert_eq!(cancel(&server, &waiting[0]).await.expect(202)["status"], "cancelled");
    }
    server.delete(&format!("/v1/jobs/{running}")).await.expect(409);
    server.delete(&format!("/v1/jobs/{}", waiting[1])).await.expect(409);
    let asked = cancel(&server, &running).await.expect(202);
    assert!(asked["desired"] == "cancelled" || asked["status"] == "cancelled", "{asked}");
    assert_eq!(cancel(&server, &running).await.status, 202);
    let cancelled = server.finished(&running).await;
    assert_eq!(
        (&cancelled["status"], &cancelled["error"], &cancelled["model"]),
        (&json!("cancelled"), &Value::Null, &Value::Null)
    );
    assert_eq!(cancelled["runs"][0]["status"], "cancelled");
    assert_eq!(server.finished(&waiting[1]).await["status"], "succeeded");
    assert_eq!(cancel(&server, &waiting[1]).await.status, 409);

    // A deleted job takes its runs and series with it, and leaves its model.
    let uri = format!("/v1/jobs/{}", waiting[1]);
    assert_eq!(server.delete(&uri).await.status, 204);
    for gone in ["", "/metrics", "/events", "/runs", "/checkpoints", "/artifacts", "/logs", "/why"] {
        server.get(&format!("{uri}{gone}")).await.expect(404);
    }
    let kept = server.get("/v1/models/job-1/versions/1").await.expect(200);
    assert_eq!((&kept["job"], &kept["spec"]["name"]), (&json!(waiting[1]), &json!("job-1")));
    server.post("/v1/models/job-1/predict", &json!({"inputs": [[1, 2, 3, 4]]})).await.expect(200);
    server.finished(&waiting[3]).await;
}

async fn started(server: &Server, id: &str) -> String {
    server.job(id).await["started_at"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_no_id_names_nothing() {
    let server = server().await;
    for id in [
        "x",
        "1",
        "01890000-0000-7000-8000-00000000000",
        "%00",
        "01890000-0000-7000-8000-000000000000",
        "..",
        "a%2Fb",
    ] {
        for rest in [
            "",
            "/metrics",
            "/events",
            "/runs",
            "/checkpoints",
            "/artifacts",
            "/artifacts/a",
            "/logs",
            "/why",
        ] {
            server.get(&format!("/v1/jobs/{id}{rest}")).await.expect(404);
        }
        for order in ["cancel", "pause", "resume"] {
            server.order(&format!("/v1/jobs/{id}/{order}")).await.expect(404);
        }
        server.delete(&format!("/v1/jobs/{id}")).await.expect(404);
        server.send("PATCH", &format!("/v1/jobs/{id}"), &json!({"notes": "x"})).await.expect(404);
    }
}

#[tokio::test]
async fn a_job_is_paused_and_goes_on_where_it_was() {
    let _alone = alone().await;
    let server = with_iris().await;
    let whole = server.train(&iris(1_000)).await;
    let sha256 = server.get("/v1/models/iris/versions/1").await.expect(200)["sha256"].clone();

    let id = server.submit(&iris(1_000)).await;
    let order = async |order: &str| server.order(&format!("/v1/jobs/{id}/{order}")).await;
    server.until(&id, |job| job["progress"]["step"].as_u64() > Some(0)).await;
    let asked = order("pause").await.expect(202);
    assert!(asked["desired"] == "paused" || asked["status"] == "paused", "{asked}");
    let paused = server.until(&id, |job| job["status"] != "running").await;
    assert_eq!((&paused["status"], &paused["runs"][0]["status"]), (&json!("paused"), &json!("stopped")));
    let step = paused["progress"]["step"].as_u64().unwrap();
    assert!(step > 0 && paused["finished_at"].is_null());
    assert_eq!(order("pause").await.expect(202)["status"], "paused");
    assert_eq!(server.get(&format!("/v1/jobs/{id}/why")).await.status, 409);

    assert_eq!(order("resume").await.status, 202);
    assert_eq!(order("resume").await.status, 202);
    let done = server.finished(&id).await;
    assert_eq!(done["status"], "succeeded", "{}", done["error"]);
    let from = done["runs"][1]["from_step"].as_u64().unwrap();
    assert!(from >= step && from < 10_000, "{from} {step}");
    assert_eq!(done["metrics"]["loss"], whole["metrics"]["loss"]);
    assert_eq!(server.get("/v1/models/iris/versions/2").await.expect(200)["sha256"], sha256);
    for finished in ["pause", "resume"] {
        assert_eq!(order(finished).await.status, 409);
    }
    let events = server.events(&format!("/v1/jobs/{id}/events")).await;
    let resumed = events.iter().find(|event| event["event"] == "resumed").unwrap();
    assert_eq!(
        (&resumed["data"]["run"], &resumed["data"]["from_step"]),
        (&done["runs"][1]["id"], &json!(from))
    );
    // The series of the job goes through both runs, each step once.
    let series = server.get(&format!("/v1/jobs/{id}/metrics?name=loss&max_points=10000")).await.expect(200);
    let points = series["data"][0]["points"].as_array().unwrap();
    assert_eq!(points.len(), 1_000);
    assert!(points.windows(2).all(|pair| pair[0][0].as_u64() < pair[1][0].as_u64()));
}

#[tokio::test]
async fn a_job_says_why_it_waits() {
    let _alone = alone().await;
    let server = server_with(|config| config.jobs.threads = 1).await;
    server.add_csv("iris", IRIS).await;
    let running = server.submit(&iris(1_000_000)).await;
    server.until(&running, |job| job["progress"]["eta_seconds"].is_number()).await;
    let (first, second) = (server.submit(&iris(1)).await, server.submit(&iris(2)).await);
    let why = async |id: &str| server.get(&format!("/v1/jobs/{id}/why")).await.expect(200);
    let told = why(&first).await;
    assert_eq!((&told["position"], &told["ahead"]), (&json!(1), &json!([])));
    assert_eq!(told["needs"], json!({"threads": 1, "memory_mb": 512, "device": "cpu"}));
    assert_eq!(
        (&told["free"]["threads"], &told["missing"]),
        (&json!(0), &json!({"threads": 1, "memory_mb": 0, "gpus": 0}))
    );
    assert_eq!(told["detail"], "it is next, and 1 thread is missing");
    // The one that runs says how long it will.
    assert!(told["expected_at"].as_str() > server.job(&first).await["created_at"].as_str(), "{told}");
    let told = why(&second).await;
    assert_eq!((&told["position"], &told["ahead"][0]["id"]), (&json!(2), &json!(first)));
    assert_eq!(told["expected_at"], Value::Null, "nobody knows how long the first will take");

    // A paused job is in nobody's way.
    assert_eq!(server.order(&format!("/v1/jobs/{first}/pause")).await.expect(202)["status"], "paused");
    assert_eq!(why(&second).await["position"], 1);
    server.order(&format!("/v1/jobs/{running}/cancel")).await.expect(202);
    assert_eq!(server.finished(&second).await["status"], "succeeded");
    assert_eq!(server.job(&first).await["status"], "paused");
    server.order(&format!("/v1/jobs/{first}/resume")).await.expect(202);
    assert_eq!(server.finished(&first).await["status"], "succeeded");
    assert_eq!(server.get(&format!("/v1/jobs/{first}/why")).await.status, 409);
}

async fn post_keyed(server: &Server, key: &str, body: &Value) -> Answer {
    let request = request("POST", "/v1/jobs")
        .header(header::CONTENT_TYPE, "application/json")
        .header("idempotency-key", key);
    server.ask(request, body.to_string()).await
}

#[tokio::test]
async fn a_job_is_posted_again_safely() {
    let _alone = alone().await;
    let server = server_with(|config| config.jobs.queue = 3).await;
    server.add_csv("iris", IRIS).await;
    let body = iris(1);
    let together = futures::future::join_all((0..8).map(|_| post_keyed(&server, "k", &body))).await;
    assert!(together.iter().all(|answer| answer.status == 202 && answer.bytes == together[0].bytes));
    assert_eq!(together[7].header("location"), together[0].header("location"));
    let id = id_of(&together[0].body).to_owned();
    server.finished(&id).await;
    assert_eq!(ids(&server.get("/v1/jobs").await.expect(200)), [id.as_str()]);
    // Another body is refused, also one that would not be taken.
    assert_eq!(post_keyed(&server, "k", &iris(2)).await.status, 409);
    assert_eq!(post_keyed(&server, "k", &with(&body, "/seed", json!(-1))).await.status, 409);
    // The answer stays what it was, whatever has become of the job and its data.
    assert_eq!(server.delete(&format!("/v1/jobs/{id}")).await.status, 204);
    assert_eq!(server.delete("/v1/datasets/iris/versions/1").await.status, 204);
    let after = post_keyed(&server, "k", &body).await;
    assert_eq!((after.status.as_u16(), &after.bytes), (202, &together[0].bytes));
    // An error is not remembered.
    assert_eq!(post_keyed(&server, "e", &body).await.status, 422);
    server.add_csv("iris", IRIS).await;
    assert_eq!(post_keyed(&server, "e", &body).await.status, 202);
}

#[tokio::test]
async fn a_full_queue_says_so() {
    let _alone = alone().await;
    let server = server_with(|config| {
        config.jobs.queue = 2;
        config.jobs.threads = 1;
    })
    .await;
    server.add_csv("iris", IRIS).await;
    let running = server.submit(&iris(1_000_000)).await;
    server.until(&running, |job| job["status"] == "running").await;
    // Places are counted anew now and then.
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    for _ in 0..2 {
        server.submit(&iris(1)).await;
    }
    let refused = server.post("/v1/jobs", &iris(1)).await;
    assert_eq!(refused.status, 429);
    assert!(refused.header("retry-after").parse::<u32>().unwrap() > 0);
    server.order(&format!("/v1/jobs/{running}/cancel")).await.expect(202);
    server.finished(&running).await;
}

/// From the second epoch on the time that is told to be left is about what it takes.
#[tokio::test]
async fn the_time_that_is_left_is_told() {
    let server = with_iris().await;
    let mut body = iris(2_000);
    body["training"]["dataset"]["validation"] = json!({"fraction": 0.2});
    body["checkpoint"] = json!({"every_epochs": null});
    body["report"] = json!({"every_steps": 0});
    let id = server.submit(&body).await;
    // How near it comes is tested where the clock can be made up (`train::progress`).
    let mut told = Vec::new();
    loop {
        let job = server.job(&id).await;
        let (left, epoch) = (job["progress"]["eta_seconds"].as_f64(), job["progress"]["epoch"].as_u64());
        if job["finished_at"].is_string() {
            assert_eq!(job["status"], "succeeded", "{}", job["error"]);
            assert!(left.is_none_or(|left| left == 0.0), "nothing is left: {left:?}");
            break;
        }
        told.extend(left.filter(|_| epoch < Some(1_000)));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert!(told.iter().any(|left| *left > 0.0), "{told:?}");
    assert!(told.iter().all(|left| left.is_finite() && *left >= 0.0), "{told:?}");
}
