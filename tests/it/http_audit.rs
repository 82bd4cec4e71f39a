//! The audit log: who changed what and who was refused is there when the server has ended, and no secret is, neither
//! there nor in the log.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::RequestBuilder;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::support::client;

/// A server that logs all there is to `folder`, and its address.
fn serve(folder: &Path, arguments: &[&str]) -> (Child, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lyceum"))
        .args(["serve", "--listen", "127.0.0.1:0", "--idle-workers", "0", "--log", "trace", "--data-dir"])
        .arg(folder.join("data"))
        .arg("--shipped-datasets")
        .arg(folder.join("none"))
        .args(arguments)
        .stdout(Stdio::piped())
        .stderr(File::create(folder.join("log")).unwrap())
        .spawn()
        .unwrap();
    let mut address = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
    (child, address.trim().to_owned())
}

/// Ends it in order.
fn end(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

async fn ask(request: RequestBuilder, status: u16) -> reqwest::Response {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), status);
    answer
}

#[tokio::test]
async fn who_did_what_is_written_and_no_secret_is() {
    let folder = tempfile::tempdir().unwrap();
    let (child, url) = serve(folder.path(), &[]);
    let (client, to) = (client(), |path: &str| format!("{url}{path}"));
    let root = json!({"name": "root", "scopes": ["admin"]});
    let made: Value = ask(client.post(to("/v1/keys")).json(&root), 201).await.json().await.unwrap();
    let admin = made["secret"].as_str().unwrap().to_owned();
    let by_key = |request: RequestBuilder| request.bearer_auth(&admin);
    let reader = json!({"name": "reader", "scopes": ["read"]});
    let made: Value = ask(by_key(client.post(to("/v1/keys")).json(&reader)), 201).await.json().await.unwrap();
    let reader = made["secret"].as_str().unwrap().to_owned();

    let signed_in = ask(client.post(to("/v1/session")).json(&json!({"key": admin})), 201).await;
    let cookie = signed_in.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap().to_owned();
    let session: Value = signed_in.json().await.unwrap();
    let token = session["csrf_token"].as_str().unwrap().to_owned();
    let browser = |request: RequestBuilder| request.header("cookie", &cookie);
    ask(browser(client.get(to("/v1/jobs"))), 200).await;
    ask(browser(client.post(to("/v1/jobs")).json(&json!({}))), 403).await;
    let job = client.post(to("/v1/jobs")).json(&json!({})).header("x-csrf-token", &token);
    ask(browser(job).header("x-request-id", "mine"), 422).await;
    ask(by_key(client.post(to("/v1/plans")).json(&json!({}))), 422).await;
    ask(by_key(client.delete(to(&format!("/v1/keys/{admin}")))), 404).await;
    ask(client.get(to("/v1/jobs")).bearer_auth("lyc_guess"), 401).await;
    ask(client.get(to("/v1/keys")).bearer_auth(&reader), 403).await;
    end(child);

    let audit = std::fs::read_to_string(folder.path().join("data/audit.log")).unwrap();
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let word = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let told: Vec<String> = lines
        .iter()
        .map(|line| {
            let words = ["key", "by", "method", "path"].map(|name| word(line, name)).join(" ");
            format!("{words} {}", line["status"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "- - POST /v1/keys 201",
            "root key POST /v1/keys 201",
            "root session POST /v1/session 201",
            "root session POST /v1/jobs 403",
            "root session POST /v1/jobs 422",
            "root key DELETE /v1/keys/lyc_… 404",
            "- - GET /v1/jobs 401",
            "reader key GET /v1/keys 403",
        ]
    );
    assert_eq!(lines[4]["request_id"], "mine");
    assert!(lines.iter().all(|line| word(line, "remote").starts_with("127.0.0.1:")), "{audit}");

    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("DEBUG") && log.contains("admitted"), "it says all there is");
    let secret = cookie.split_once('=').unwrap().1;
    for text in [&audit, &log] {
        for secret in [&admin[4..], &reader[4..], secret, &token] {
            assert!(!text.contains(secret), "a secret is logged");
        }
    }
}

#[tokio::test]
async fn it_is_kept_from_start_to_start_and_turned_off_by_a_setting() {
    let folder = tempfile::tempdir().unwrap();
    let client = client();
    for arguments in [&[][..], &[], &["--audit-bytes", "0"]] {
        let (child, url) = serve(folder.path(), arguments);
        ask(client.delete(format!("{url}/v1/keys/nobody")), 404).await;
        end(child);
    }
    let audit = std::fs::read_to_string(folder.path().join("data/audit.log")).unwrap();
    assert_eq!(audit.lines().count(), 2, "{audit}");
}
