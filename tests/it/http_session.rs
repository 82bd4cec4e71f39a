//! How a browser signs in with a key, what its cookie allows, and when that ends.

use std::time::Instant;

use axum::body::Body;
use axum::http::header;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::support::{Answer, Server, request, server, server_with};

async fn make(server: &Server, by: Option<&str>, key: Value) -> String {
    let mut request = request("POST", "/v1/keys").header(header::CONTENT_TYPE, "application/json");
    if let Some(by) = by {
        request = request.header(header::AUTHORIZATION, format!("Bearer {by}"));
    }
    let made = server.ask(request, key.to_string()).await.expect(201);
    made["secret"].as_str().unwrap().to_owned()
}

async fn sign_in(server: &Server, key: &str) -> Answer {
    server.post("/v1/session", &json!({"key": key})).await
}

/// What the browser sends back of the cookie.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}

async fn browse(server: &Server, cookie: &str, uri: &str) -> Answer {
    server.ask(request("GET", uri).header(header::COOKIE, cookie), Body::empty()).await
}

/// A change by cookie, with a token or without.
async fn change(server: &Server, cookie: &str, token: Option<&str>, method: &str, uri: &str) -> Answer {
    let mut request = request(method, uri).header(header::COOKIE, cookie);
    if let Some(token) = token {
        request = request.header("x-csrf-token", token);
    }
    server.ask(request, Body::empty()).await
}

#[tokio::test]
async fn a_browser_signs_in_looks_changes_and_signs_out() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    make(&server, Some(&admin), json!({"name": "other", "scopes": ["read"]})).await;
    let signed_in = sign_in(&server, &admin).await;
    let cookie = cookie(&signed_in);
    assert_eq!(signed_in.header("cache-control"), "no-store");
    let set = signed_in.header("set-cookie").to_owned();
    for attribute in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43"] {
        assert!(set.contains(attribute), "{set}");
    }
    assert!(!set.contains("Secure") && !set.contains(&admin[10..]), "{set}");
    let session = signed_in.expect(201);
    assert_eq!((&session["key"], &session["scopes"]), (&json!("root"), &json!(["admin"])));
    let token = session["csrf_token"].as_str().unwrap();
    assert!(!cookie.contains(token));

    assert_eq!(browse(&server, &cookie, "/v1/jobs").await.status, 200);
    assert_eq!(browse(&server, &cookie, "/v1/session").await.expect(200), session);
    for wrong in [None, Some(""), Some("x"), Some(&token[1..])] {
        let refused = change(&server, &cookie, wrong, "DELETE", "/v1/keys/other").await;
        assert_eq!(refused.status, 403);
        assert!(refused.detail().contains("x-csrf-token"), "{}", refused.body);
    }
    assert_eq!(change(&server, &cookie, Some(token), "DELETE", "/v1/keys/other").await.status, 204);

    assert_eq!(change(&server, &cookie, None, "DELETE", "/v1/session").await.status, 403);
    let signed_out = change(&server, &cookie, Some(token), "DELETE", "/v1/session").await;
    assert_eq!(signed_out.status, 204);
    assert!(signed_out.header("set-cookie").contains("lyceum_session=; Max-Age=0"));
    let refused = browse(&server, &cookie, "/v1/jobs").await;
    assert_eq!(refused.status, 401);
    assert!(refused.header("set-cookie").contains("Max-Age=0"), "the browser forgets what is worth nothing");
}

#[tokio::test]
async fn a_session_is_its_keys() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let reader = make(&server, Some(&admin), json!({"name": "r", "scopes": ["read"]})).await;
    let short = json!({"name": "s", "scopes": ["read"], "expires_in": 1});
    let short = make(&server, Some(&admin), short).await;
    let signed_in = sign_in(&server, &reader).await;
    let (by_reader, token) = (cookie(&signed_in), signed_in.body["csrf_token"].as_str().unwrap());
    let signed_in = sign_in(&server, &short).await;
    let by_short = cookie(&signed_in);
    assert!(signed_in.header("set-cookie").contains("Max-Age=0"), "not longer than its key");

    assert_eq!(change(&server, &by_reader, Some(token), "POST", "/v1/jobs").await.status, 403);
    assert_eq!(browse(&server, &by_reader, "/v1/jobs").await.status, 200);
    let revoke = request("DELETE", "/v1/keys/r").header(header::AUTHORIZATION, format!("Bearer {admin}"));
    assert_eq!(server.ask(revoke, Body::empty()).await.status, 204);
    assert_eq!(browse(&server, &by_reader, "/v1/jobs").await.status, 401);
    // A key of the same name is another key.
    make(&server, Some(&admin), json!({"name": "r", "scopes": ["read"]})).await;
    assert_eq!(browse(&server, &by_reader, "/v1/jobs").await.status, 401);

    while browse(&server, &by_short, "/v1/jobs").await.status == 200 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(browse(&server, &by_short, "/v1/session").await.status, 401);
}

/// The store keeps it, by its hash alone, and for the time that the settings say.
#[tokio::test]
async fn a_session_is_kept_for_its_time() {
    let server = server_with(|config| config.access.session_seconds = 3_600).await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let cookie = cookie(&sign_in(&server, &admin).await);
    let hash: [u8; 32] = Sha256::digest(cookie.split_once('=').unwrap().1).into();
    let (store, now) = (&server.state.store, lyceum::clock::now_us());
    let session = store.session(&hash, now).await.unwrap().unwrap();
    assert!(session.expires_at > now + 3_500_000_000 && session.expires_at <= now + 3_600_000_000);
    assert_eq!(store.session(&hash, session.expires_at).await.unwrap(), None);
}

#[tokio::test]
async fn guesses_are_slow_and_a_key_goes_before_a_cookie() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let begun = Instant::now();
    assert_eq!(sign_in(&server, "lyc_wrong").await.status, 401);
    assert_eq!(browse(&server, "lyceum_session=wrong", "/v1/jobs").await.status, 401);
    assert!(begun.elapsed().as_millis() >= 800);
    let refused = server.post("/v1/session", &json!({"kex": admin})).await;
    assert_eq!((refused.status.as_u16(), refused.pointers()), (422, vec!["/kex", "/key"]));

    let cookie = cookie(&sign_in(&server, &admin).await);
    let by_key = request("GET", "/v1/session")
        .header(header::COOKIE, &cookie)
        .header(header::AUTHORIZATION, format!("Bearer {admin}"));
    let told = server.ask(by_key, Body::empty()).await.expect(200);
    assert_eq!((&told["key"], &told["csrf_token"]), (&json!("root"), &Value::Null));
    let wrong = request("GET", "/v1/jobs")
        .header(header::COOKIE, &cookie)
        .header(header::AUTHORIZATION, "Bearer lyc_wrong");
    assert_eq!(server.ask(wrong, Body::empty()).await.status, 401);
    let proxied = request("POST", "/v1/session")
        .header(header::CONTENT_TYPE, "application/json")
        .header("x-forwarded-proto", "https");
    let answer = server.ask(proxied, json!({"key": admin}).to_string()).await;
    assert!(answer.header("set-cookie").ends_with("; Secure"), "{}", answer.header("set-cookie"));
}

#[tokio::test]
async fn a_key_has_so_many_sessions() {
    let server = server().await;
    let admin = make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let first = cookie(&sign_in(&server, &admin).await);
    for _ in 0..63 {
        sign_in(&server, &admin).await.expect(201);
    }
    assert_eq!(browse(&server, &first, "/v1/session").await.status, 200);
    let last = cookie(&sign_in(&server, &admin).await);
    assert_eq!(browse(&server, &first, "/v1/session").await.status, 401);
    assert_eq!(browse(&server, &last, "/v1/session").await.status, 200);
}

#[tokio::test]
async fn a_server_without_keys_has_no_sessions() {
    let server = server().await;
    assert_eq!(sign_in(&server, "lyc_any").await.status, 409);
    let told = server.get("/v1/session").await.expect(200);
    assert_eq!((&told["key"], &told["scopes"]), (&Value::Null, &json!(["admin"])));
    // Nothing is asked of a cookie of other times.
    assert_eq!(browse(&server, "lyceum_session=old", "/v1/jobs").await.status, 200);
    assert_eq!(server.delete("/v1/session").await.status, 204);
}

/// Whoever comes may try to sign in, and is not to make the server take much by it.
#[tokio::test]
async fn a_key_is_short() {
    let server = server().await;
    make(&server, None, json!({"name": "root", "scopes": ["admin"]})).await;
    let long = server.post("/v1/session", &json!({"key": vec![0; 4_000]})).await;
    assert_eq!(long.status, 413, "{}", long.body);
    assert_eq!(sign_in(&server, &"k".repeat(200)).await.status, 401);
}
