//! What holds for every request: ids, the guard, the form of failures.

use axum::body::Body;
use axum::http::{Request, header};

use crate::support::{Answer, request, server};

async fn ask(request: axum::http::request::Builder) -> Answer {
    server().await.ask(request, Body::empty()).await
}

fn get(uri: &str) -> axum::http::request::Builder {
    request("GET", uri)
}

#[tokio::test]
async fn every_failure_is_a_problem() {
    let cases = [
        (get("/nowhere"), 404),
        (get("/v1/version").method("DELETE"), 405),
        (get("/v1/version?x=1"), 400),
        (Request::get("/healthz").header(header::HOST, "evil.example"), 403),
        (Request::get("/healthz"), 400),
        (get("/healthz").header(header::ORIGIN, "http://evil.example"), 403),
        (get("/healthz").header(header::ORIGIN, "http://localhost:3000"), 403),
        (get("/healthz").header(header::ORIGIN, "null"), 403),
    ];
    for (request, status) in cases {
        let answer = ask(request).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(answer.body["status"], status);
        for member in ["type", "title", "detail", "instance", "request_id"] {
            assert!(answer.body[member].is_string(), "{member} is missing in {}", answer.body);
        }
        assert!(answer.body["instance"].as_str().unwrap().starts_with("urn:uuid:"));
    }
    let answer = ask(get("/v1/version?x=1")).await;
    assert!(answer.body["detail"].as_str().unwrap().contains("\"x\""));
}

#[tokio::test]
async fn the_own_origin_is_welcome() {
    let answer = ask(get("/healthz").header(header::ORIGIN, "http://localhost:8080")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body["live"], true);
}

#[tokio::test]
async fn request_ids_come_back() {
    let answer = ask(get("/nowhere").header("x-request-id", "abc-1")).await;
    assert_eq!(answer.headers["x-request-id"], "abc-1");
    assert_eq!(answer.body["request_id"], "abc-1");
    let answer = ask(get("/healthz").header("x-request-id", "no good")).await;
    assert_eq!(answer.headers["x-request-id"].len(), 36);
}

#[tokio::test]
async fn other_methods_are_told() {
    let answer = ask(get("/healthz").method("POST")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers[header::ALLOW].to_str().unwrap()),
        (405, "GET,HEAD,OPTIONS")
    );
    let answer = ask(get("/healthz").method("OPTIONS")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.headers[header::ALLOW].to_str().unwrap()),
        (204, "GET,HEAD,OPTIONS")
    );
    assert_eq!(ask(get("/healthz").method("HEAD")).await.status, 200);
}

#[tokio::test]
async fn the_documentation_is_there() {
    for path in
        ["/docs/", "/docs/swagger-ui.css", "/docs/swagger-initializer.js", "/openapi.yaml", "/metrics"]
    {
        assert_eq!(ask(get(path)).await.status, 200, "{path}");
    }
}
