//! Keys: who is let in, what each may do, and what becomes of those who guess.

use std::time::Instant;

use axum::body::Body;
use axum::http::{Request, header};
use serde_json::{Value, json};

use crate::support::{Answer, Server, request, server, server_with};

pub(crate) async fn with(server: &Server, key: &str, method: &str, uri: &str, body: &Value) -> Answer {
    let request = request(method, uri)
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .header(header::CONTENT_TYPE, "application/json");
    server.ask(request, if body.is_null() { Body::empty() } else { Body::from(body.to_string()) }).await
}

pub(crate) async fn make(server: &Server, by: Option<&str>, key: Value) -> String {
    let answer = match by {
        Some(by) => with(server, by, "POST", "/v1/keys", &key).await,
        None => server.post("/v1/keys", &key).await,
    };
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.body["secret"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_first_key_closes_the_server() {
    let server = server().await;
    assert_eq!(server.get("/v1/jobs").await.status, 200);
    let refused = server.post("/v1/keys", &json!({"name": "a", "scopes": ["read"]})).await;
    assert_eq!((refused.status.as_u16(), &refused.body["errors"][0]["pointer"]), (422, &json!("/scopes")));
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    assert!(admin.starts_with("lyc_") && admin.len() > 60);

    let refused = server.get("/v1/jobs").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers[header::WWW_AUTHENTICATE], "Bearer");
    assert_eq!(server.get("/healthz").await.status, 200);
    assert_eq!(with(&server, &admin, "GET", "/v1/jobs", &Value::Null).await.status, 200);
    // With a key, it does not matter by which name the server is called.
    let called = Request::get("/v1/jobs")
        .header(header::HOST, "lyceum.example")
        .header(header::AUTHORIZATION, format!("bearer {admin}"));
    assert_eq!(server.ask(called, Body::empty()).await.status, 200);
    let listed = with(&server, &admin, "GET", "/v1/keys", &Value::Null).await;
    assert_eq!(listed.body["data"][0]["name"], "root");
    assert!(!listed.body.to_string().contains(&admin[10..]), "the secret is shown once");
}

#[tokio::test]
async fn scopes_hold() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let read = make(&server, Some(&admin), json!({"name": "r", "scopes": ["read"]})).await;
    let train = make(&server, Some(&admin), json!({"name": "t", "scopes": ["read", "train"]})).await;
    let infer = make(&server, Some(&admin), json!({"name": "i", "scopes": ["infer"]})).await;
    let job = json!({"name": "x"});
    let predict = json!({"inputs": [1]});
    for (key, method, uri, body, status) in [
        (&read, "GET", "/v1/jobs", &Value::Null, 200),
        (&read, "POST", "/v1/jobs", &job, 403),
        (&read, "POST", "/v1/models/m/predict", &predict, 403),
        (&read, "GET", "/v1/keys", &Value::Null, 403),
        (&train, "POST", "/v1/jobs", &job, 422),
        (&train, "POST", "/v1/keys", &job, 403),
        (&infer, "POST", "/v1/models/m/predict", &predict, 404),
        (&infer, "GET", "/v1/jobs", &Value::Null, 403),
        (&admin, "POST", "/v1/jobs", &job, 422),
        (&admin, "POST", "/v1/models/m/predict", &predict, 404),
    ] {
        let answer = with(&server, key, method, uri, body).await;
        assert_eq!(answer.status, status, "{method} {uri}: {}", answer.body);
    }
    let twice = with(&server, &admin, "POST", "/v1/keys", &json!({"name": "r", "scopes": ["read"]})).await;
    assert_eq!(twice.status, 409);
}

/// A key whose answer was lost is not made twice, and its secret stands nowhere to be read.
#[tokio::test]
async fn a_key_is_made_once_under_an_idempotency_key() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let ask = async |idempotency: &'static str, name: &str| {
        let asked = request("POST", "/v1/keys")
            .header(header::AUTHORIZATION, format!("Bearer {admin}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", idempotency);
        server.ask(asked, json!({"name": name, "scopes": ["read"]}).to_string()).await
    };
    let made = ask("k", "ci").await.expect(201);
    let secret = made["secret"].as_str().unwrap().to_owned();
    let again = ask("k", "ci").await;
    assert_eq!(again.status, 409);
    assert!(
        again.detail().contains("the key \"ci\" was made under this idempotency key"),
        "{}",
        again.detail()
    );
    assert_eq!(ask("k", "other").await.status, 409);
    let listed = with(&server, &admin, "GET", "/v1/keys", &Value::Null).await;
    assert_eq!(listed.body["data"].as_array().unwrap().len(), 2);
    for file in std::fs::read_dir(server.folder.path().join("data")).unwrap().map(Result::unwrap) {
        let bytes = if file.path().is_file() { std::fs::read(file.path()).unwrap() } else { Vec::new() };
        let held = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!held, "{} holds the secret", file.path().display());
    }
    // Revoked, it is still not made again under the same; another idempotency key makes another.
    with(&server, &admin, "DELETE", "/v1/keys/ci", &Value::Null).await;
    assert_eq!(ask("k", "ci").await.status, 409);
    let other = ask("l", "ci").await.expect(201);
    assert_eq!(
        with(&server, other["secret"].as_str().unwrap(), "GET", "/v1/jobs", &Value::Null).await.status,
        200
    );
    // What was refused is not remembered.
    assert_eq!(ask("m", "ci").await.status, 409);
    assert_eq!(ask("m", "cd").await.status, 201);
}

#[tokio::test]
async fn keys_end() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let short = make(&server, Some(&admin), json!({"name": "s", "scopes": ["read"], "expires_in": 1})).await;
    let long =
        make(&server, Some(&admin), json!({"name": "l", "scopes": ["read"], "expires_in": 3600})).await;
    assert_eq!(with(&server, &short, "GET", "/v1/jobs", &Value::Null).await.status, 200);
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    assert_eq!(with(&server, &short, "GET", "/v1/jobs", &Value::Null).await.status, 401);
    assert_eq!(with(&server, &long, "GET", "/v1/jobs", &Value::Null).await.status, 200);
    assert_eq!(with(&server, &admin, "DELETE", "/v1/keys/l", &Value::Null).await.status, 204);
    assert_eq!(with(&server, &long, "GET", "/v1/jobs", &Value::Null).await.status, 401);
    assert_eq!(with(&server, &admin, "DELETE", "/v1/keys/l", &Value::Null).await.status, 404);
    make(&server, Some(&admin), json!({"name": "l", "scopes": ["read"]})).await;
    assert_eq!(with(&server, &admin, "DELETE", "/v1/keys/root", &Value::Null).await.status, 409);
    let used = with(&server, &admin, "GET", "/v1/keys", &Value::Null).await;
    let newest_first: Vec<&str> =
        used.body["data"].as_array().unwrap().iter().map(|key| key["name"].as_str().unwrap()).collect();
    assert_eq!(newest_first, ["l", "s", "root"]);
    assert!(used.body["data"][2]["last_used_at"].is_string(), "{}", used.body);
}

/// What was opened with a key does not outlast it.
#[tokio::test]
async fn a_stream_ends_with_its_key() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let reader = make(&server, Some(&admin), json!({"name": "reader", "scopes": ["read"]})).await;
    let listen = with(&server, &reader, "GET", "/v1/events", &Value::Null);
    let revoke = async {
        while !with(&server, &admin, "GET", "/metrics", &Value::Null).await.text().contains("event_streams 1")
        {
        }
        with(&server, &admin, "DELETE", "/v1/keys/reader", &Value::Null).await.expect(204);
    };
    let both = async { futures::join!(listen, revoke) };
    let (stream, ()) = tokio::time::timeout(std::time::Duration::from_secs(20), both).await.unwrap();
    assert_eq!(stream.status, 200);
}

#[tokio::test]
async fn guesses_are_slow_and_few() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let begun = Instant::now();
    let guesses = (0..64).map(|guess| {
        let guess = format!("lyc_{guess:064}");
        let server = &server;
        async move { with(server, &guess, "GET", "/v1/jobs", &Value::Null).await.status.as_u16() }
    });
    let answers = futures::future::join_all(guesses).await;
    assert!(begun.elapsed().as_millis() >= 300);
    assert!(answers.iter().all(|status| matches!(status, 401 | 429)), "{answers:?}");
    assert!(answers.contains(&429) && answers.contains(&401));
    assert_eq!(with(&server, &admin, "GET", "/v1/jobs", &Value::Null).await.status, 200);
}

#[tokio::test]
async fn a_server_that_others_reach_keeps_its_last_key() {
    const SECRET: &str = "a-secret-that-is-long-enough-to-be-one-0123456789";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, SECRET).unwrap();
    let server = server_with(|config| {
        config.server.listen = "0.0.0.0:0".parse().unwrap();
        config.server.admin_key_file = Some(file);
    })
    .await;
    let listed = with(&server, SECRET, "GET", "/v1/keys", &Value::Null).await.expect(200);
    let name = listed["data"][0]["name"].as_str().unwrap();
    let refused = with(&server, SECRET, "DELETE", &format!("/v1/keys/{name}"), &Value::Null).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert_eq!(server.get("/v1/jobs").await.status, 401);
    let other = make(&server, Some(SECRET), json!({"name": "other", "scopes": ["admin"]})).await;
    assert_eq!(with(&server, &other, "DELETE", &format!("/v1/keys/{name}"), &Value::Null).await.status, 204);
    assert_eq!(with(&server, SECRET, "GET", "/v1/jobs", &Value::Null).await.status, 401);
}
