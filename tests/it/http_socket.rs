//! A server's Unix socket: the whole API by it, and nothing left of it.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::served::Served;

/// Asks by the socket; the answer's status and body.
fn ask(socket: &Path, method: &str, path: &str, fields: &str, body: &str) -> (u16, Value) {
    let mut stream = UnixStream::connect(socket).unwrap();
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}");
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or_default())
}

#[tokio::test]
async fn the_api_is_there_by_a_socket_too() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("lyceum.sock");
    let served = Served::start(&["--socket", socket.to_str().unwrap()]);
    let (status, body) = ask(&socket, "GET", "/v1/jobs?limit=1", "", "");
    assert_eq!((status, &body["data"]), (200, &json!([])));
    let (status, body) = ask(&socket, "POST", "/v1/jobs", "", "{}");
    assert_eq!((status, &body["errors"][0]["pointer"]), (422, &json!("/name")));

    // One who comes by the socket shows a key as anybody does, and the log tells of no address.
    let key = json!({"name": "root", "scopes": ["admin"]}).to_string();
    let (status, made) = ask(&socket, "POST", "/v1/keys", "", &key);
    assert_eq!(status, 201, "{made}");
    assert_eq!(ask(&socket, "GET", "/v1/keys", "", "").0, 401);
    let shown = format!("authorization: Bearer {}\r\n", made["secret"].as_str().unwrap());
    assert_eq!(ask(&socket, "GET", "/v1/keys", &shown, "").0, 200);
    served.get("/healthz").await.expect(200);

    drop(served);
    assert!(UnixStream::connect(&socket).is_err(), "nobody listens there");
}
