//! Bodies that are wrong: each is refused with a problem that names the place, and costs the server nothing.

use std::collections::BTreeSet;

use axum::http::header;
use serde_json::{Value, json};

use crate::support::bodies::{IRIS, iris, with};
use crate::support::served::Served;
use crate::support::{alone, request, server, server_with};

/// A right body with something wrong put in at a place, and the places that must be told, a case a line.
const CASES: &str = include_str!("http_refusals.jsonl");

struct Case {
    at: String,
    body: Value,
    places: BTreeSet<String>,
}

/// The body that the cases spoil.
fn right() -> Value {
    let mut body = iris(5);
    for member in ["checkpoint", "report", "labels"] {
        body[member] = json!({});
    }
    body["training"]["loss"] = json!({"type": "categorical_cross_entropy"});
    body["training"]["model"]["layers"] = json!([{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "activation": "softmax"}]);
    body
}

fn cases() -> Vec<Case> {
    let case = |line: &str| {
        let case: Value = serde_json::from_str(line).unwrap();
        let at = case["at"].as_str().unwrap().to_owned();
        let places = case["pointers"].as_array().unwrap().iter().map(|at| at.as_str().unwrap().to_owned());
        Case { body: with(&right(), &at, case["value"].clone()), places: places.collect(), at }
    };
    CASES.lines().map(case).collect()
}

/// Texts that are no JSON, or more than may come.
fn texts() -> Vec<(&'static str, Vec<u8>, u16)> {
    vec![
        ("nothing", Vec::new(), 400),
        ("blanks", b" \n".to_vec(), 400),
        ("cut short", b"{\"name\":".to_vec(), 400),
        ("NaN", b"{\"seed\": NaN}".to_vec(), 400),
        ("Infinity", b"{\"seed\": -Infinity}".to_vec(), 400),
        ("a number beyond all", b"{\"seed\": 1e999}".to_vec(), 400),
        ("broken UTF-8", b"{\"name\": \"\xc3\x28\"}".to_vec(), 400),
        ("half a surrogate", b"{\"name\": \"\\ud800\"}".to_vec(), 400),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), 400),
        ("a zero", b"\0".to_vec(), 400),
        ("single quotes", b"{'name': 'x'}".to_vec(), 400),
        ("a comment", b"{} // job".to_vec(), 400),
        ("two documents", b"{} {}".to_vec(), 400),
        ("a member twice", b"{\"name\": \"a\", \"name\": \"b\"}".to_vec(), 400),
        ("deep arrays", b"[".repeat(1_000_000), 400),
        ("deep objects", b"{\"a\":".repeat(1_000_000), 400),
        ("a form", b"name=iris&epochs=5".to_vec(), 400),
        ("100 MB", vec![b' '; 100 << 20], 413),
    ]
}

#[tokio::test]
async fn a_body_with_seven_mistakes_is_told_all_seven() {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    server.post("/v1/plans", &right()).await.expect(200);
    let mut body = right();
    body["seed"] = json!(-1);
    body["resources"]["cores"] = json!(2);
    body["training"]["epochs"] = json!("five");
    body["training"]["dataset"]["target"] = json!("speceis");
    body["training"]["optimizer"]["learning_rate"] = json!(-0.1);
    body["training"]["model"]["layers"][0]["unit"] = json!(8);
    body["training"]["model"]["layers"][1]["activation"] = json!("sofmax");
    let expected = [
        "/resources/cores",
        "/seed",
        "/training/dataset/target",
        "/training/epochs",
        "/training/model/layers/0/unit",
        "/training/model/layers/1/activation",
        "/training/optimizer/learning_rate",
    ];
    for uri in ["/v1/jobs", "/v1/plans"] {
        let refused = server.post(uri, &body).await;
        let mut places = refused.pointers();
        places.sort_unstable();
        assert_eq!((refused.status.as_u16(), places), (422, expected.to_vec()), "{}", refused.text());
        assert_eq!(refused.detail(), "the body has 7 mistakes");
        for meant in
            ["did you mean \\\"units\\\"", "did you mean \\\"softmax\\\"", "did you mean \\\"species\\\""]
        {
            assert!(refused.text().contains(meant), "{meant}: {}", refused.text());
        }
    }
    assert_eq!(server.get("/v1/jobs").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn every_wrong_body_is_refused_where_it_is_wrong() {
    let server = server().await;
    server.add_csv("iris", IRIS).await;
    let cases = cases();
    assert!(cases.len() >= 80);
    let mut wrong = Vec::new();
    for Case { at, body, places } in cases {
        let refused = server.post("/v1/jobs", &body).await;
        let told: BTreeSet<String> = refused.pointers().into_iter().map(ToOwned::to_owned).collect();
        if refused.status != 422 || told != places {
            wrong.push(format!("{at} {}: {}", body.pointer(&at).unwrap(), refused.text()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    for (what, text, status) in texts() {
        let posted = request("POST", "/v1/jobs").header(header::CONTENT_TYPE, "application/json");
        let refused = server.ask(posted, text).await;
        assert_eq!(refused.status, status, "{what}: {}", refused.detail());
        let told = refused.detail();
        assert!(status == 413 || (told.contains("line ") && told.contains("column ")), "{what}: {told}");
    }
    for (media, status) in
        [("text/plain", 415), ("application/x-www-form-urlencoded", 415), ("multipart/form-data", 415)]
    {
        let posted = request("POST", "/v1/jobs").header(header::CONTENT_TYPE, media);
        assert_eq!(server.ask(posted, right().to_string()).await.status, status, "{media}");
    }
    assert_eq!(server.ask(request("POST", "/v1/jobs"), right().to_string()).await.status, 415);
    let packed = request("POST", "/v1/jobs")
        .header(header::CONTENT_TYPE, "application/json")
        .header("content-encoding", "gzip");
    assert_eq!(server.ask(packed, right().to_string()).await.status, 415);
    let asked = server.post("/v1/jobs?dry_run=1", &right()).await;
    assert!(asked.status == 400 && asked.detail().contains("dry_run"), "{}", asked.detail());
    assert_eq!(server.get("/v1/jobs").await.expect(200)["data"], json!([]));
}

/// Wrong bodies one behind the other leave the server as large as it was.
#[tokio::test]
async fn wrong_bodies_cost_no_memory() {
    let _alone = alone().await;
    let server = Served::start(&[]);
    server.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let id = server.post("/v1/jobs", &iris(0)).await.expect(202)["id"].as_str().unwrap().to_owned();
    assert_eq!(server.finished(&id).await["status"], "succeeded");
    let (cases, texts) = (cases(), texts());
    let round = async || {
        for case in &cases {
            server.post("/v1/plans", &case.body).await.expect(422);
        }
        for (what, text, status) in &texts {
            for path in ["/v1/jobs", "/v1/plans", "/v1/models/iris/versions/1/evaluate"] {
                let refused = server.post_as(path, "application/json", text.clone()).await;
                assert_eq!(refused.status, *status, "{what} to {path}");
            }
        }
    };
    round().await;
    let (resident, most) = (server.memory("VmRSS"), server.memory("VmHWM"));
    for _ in 0..5 {
        round().await;
    }
    let grown = server.memory("VmRSS") - resident;
    assert!(grown < 16 << 10, "the server grew by {grown} KiB");
    // Not even for a while: 100 MB are not held to be refused.
    let grown = server.memory("VmHWM") - most;
    assert!(grown < 48 << 10, "the server was larger by {grown} KiB");

    // A prediction may be long, and is read whole; what it holds is counted before it fills the memory.
    let zeros = [&b"{\"inputs\":["[..], &b"0,".repeat(50 << 20), b"0]}"].concat();
    for _ in 0..2 {
        let refused = server.post_as("/v1/models/iris/predict", "application/json", zeros.clone()).await;
        assert!(refused.status == 413 && refused.detail().contains("values"), "{}", refused.detail());
    }
    let (grown, peak) = (server.memory("VmRSS") - resident, server.memory("VmHWM") - most);
    assert!(grown < 64 << 10, "the server grew by {grown} KiB");
    assert!(peak < 1 << 20, "the server was larger by {peak} KiB");
    server.get("/readyz").await.expect(200);
}

/// What is wrong in one place does not hide what is wrong in another that can be judged without it.
#[tokio::test]
async fn mistakes_do_not_hide_one_another() {
    let server = server().await;
    server.upload("name=iris&format=csv", IRIS).await.expect(201);
    let mut body = iris(5);
    body["training"]["dataset"] = json!({
        "name": "iris", "target": "speceis", "split": "trian", "test": {"split": "tset"},
        "transforms": [{"columns": ["petal_length"], "steps": ["standardise"]}],
    });
    body["training"]["batch_size"] = json!(0);
    body["training"]["early_stopping"] = json!({"monitor": "val_loss"});
    body["resources"] = json!({"threads": 500, "memory_mb": 512});
    let refused = server.post("/v1/jobs", &body).await;
    assert_eq!(refused.status, 422);
    let told: BTreeSet<&str> = refused.pointers().into_iter().collect();
    let expected = [
        "/resources/threads",
        "/training/batch_size",
        "/training/dataset/split",
        "/training/dataset/target",
        "/training/dataset/test/split",
        "/training/dataset/transforms/0/columns/0",
        "/training/dataset/transforms/0/steps/0",
        "/training/early_stopping/monitor",
    ];
    assert_eq!(told, expected.into_iter().collect(), "{}", refused.body);
}

#[tokio::test]
async fn a_network_without_parameters_is_not_trained() {
    let server = server().await;
    server.upload("name=iris&format=csv", IRIS).await.expect(201);
    let mut body = iris(1);
    body["training"]["dataset"]["input"] = json!(["petal_length_cm", "petal_width_cm", "sepal_width_cm"]);
    body["training"]["model"] = json!({"layers": ["softmax"]});
    let refused = server.post("/v1/jobs", &body).await;
    assert_eq!(refused.pointers(), ["/training/model"], "{}", refused.body);
    body["training"]["epochs"] = json!(0);
    server.post("/v1/plans", &body).await.expect(200);
}

/// What a server allows may be less than what there may be.
#[tokio::test]
async fn a_server_may_allow_less() {
    let server = server_with(|config| {
        config.jobs.job_epochs = 10;
        config.jobs.job_steps = 20;
    })
    .await;
    server.upload("name=iris&format=csv", IRIS).await.expect(201);
    let refused = server.post("/v1/plans", &iris(11)).await;
    assert_eq!((refused.status.as_u16(), refused.pointers()), (422, vec!["/training/epochs"; 2]));
    let mut spoiled = iris(11);
    spoiled["training"]["batch_size"] = json!("many");
    let refused = server.post("/v1/jobs", &spoiled).await;
    assert_eq!(refused.pointers(), ["/training/batch_size", "/training/epochs"]);
    server.post("/v1/plans", &iris(1)).await.expect(200);
}
