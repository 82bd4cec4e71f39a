//! TLS: requests over it, the certificate renewed, and those who do not speak it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use reqwest::Certificate;
use serde_json::json;
use tempfile::TempDir;

use crate::support::served::Served;
use crate::support::trusting;

/// A server that shows a certificate of this machine, and the folder of that.
fn served(arguments: &[&str]) -> (Served, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    make(folder.path());
    let file = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let tls = ["--tls-cert", &file("cert.pem"), "--tls-key", &file("key.pem")];
    let served = Served::start(&[&tls[..], arguments].concat());
    assert!(served.address.starts_with("https://"), "{}", served.address);
    (served, folder)
}

/// Makes a certificate with its key in place of those that are there.
fn make(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("cert.pem"), made.cert.pem()).unwrap();
}

/// A client that trusts the certificate that stands there now.
fn client(folder: &Path) -> reqwest::Client {
    let pem = std::fs::read(folder.join("cert.pem")).unwrap();
    trusting(vec![Certificate::from_pem(&pem).unwrap()]).build().unwrap()
}

fn command(served: &Served, arguments: &[&str]) -> (i32, String) {
    let said = Command::new(env!("CARGO_BIN_EXE_lyceum"))
        .args(arguments)
        .env("LYCEUM_SERVER", &served.address)
        .output()
        .unwrap();
    (said.status.code().unwrap(), String::from_utf8(said.stderr).unwrap())
}

#[tokio::test]
async fn requests_and_commands_go_over_it() {
    let (mut served, folder) = served(&[]);
    let ca = folder.path().join("cert.pem");
    assert!(served.client.get(served.url("/healthz")).send().await.is_err(), "it is not trusted unasked");
    served.client = client(folder.path());
    served.get("/healthz").await.expect(200);
    let made = served.post("/v1/keys", &json!({"name": "root", "scopes": ["admin"]})).await.expect(201);
    let signed_in = served.post("/v1/session", &json!({"key": made["secret"]})).await;
    assert!(signed_in.header("set-cookie").ends_with("; Secure"), "{}", signed_in.header("set-cookie"));

    let (key, ca) = (made["secret"].as_str().unwrap(), ca.to_str().unwrap());
    assert_eq!(command(&served, &["jobs", "list", "--key", key, "--ca", ca]), (0, String::new()));
    let (code, said) = command(&served, &["jobs", "list", "--key", key]);
    assert!(code == 4 || code == 1, "{said}");
    let (code, said) = command(&served, &["jobs", "list", "--ca", "nowhere.pem"]);
    assert_eq!(code, 2);
    assert!(said.starts_with("lyceum: nowhere.pem: "), "{said}");
    let other = folder.path().join("other.pem");
    std::fs::write(&other, rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.pem()).unwrap();
    let (code, said) = command(&served, &["jobs", "list", "--ca", other.to_str().unwrap()]);
    assert_eq!(code, 4);
    assert!(said.contains("cannot be trusted") && said.contains("--ca"), "{said}");
}

#[tokio::test]
async fn a_new_certificate_is_shown_without_a_restart() {
    let (mut served, folder) = served(&[]);
    served.client = client(folder.path());
    served.get("/healthz").await.expect(200);
    make(folder.path());
    let renewed = client(folder.path());
    for _ in 0..200 {
        if renewed.get(served.url("/healthz")).send().await.is_ok() {
            served.get("/healthz").await.expect(200); // The connection that stood still stands.
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the new certificate is not shown");
}

#[tokio::test]
async fn who_speaks_no_tls_hears_so_and_who_says_nothing_holds_nobody_up() {
    let (mut served, folder) = served(&["--header-seconds", "1", "--connections", "2"]);
    served.client = client(folder.path());
    let address = served.address.trim_start_matches("https://").to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let mut plain = TcpStream::connect(&address).unwrap();
        plain.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        plain.write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
        let mut answer = String::new();
        plain.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://"), "{answer}");

        // As many as there may be, none of which goes on with its handshake.
        let connect = || TcpStream::connect(&address).unwrap();
        let (silent, mut begun) = (connect(), connect());
        begun.write_all(&[0x16, 3, 1]).unwrap();
        (silent, begun)
    });
    let (mut silent, mut begun) = asked.await.unwrap();
    served.get("/healthz").await.expect(200);
    for stream in [&mut silent, &mut begun] {
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let ended = stream.read(&mut [0; 64]);
        assert!(
            matches!(&ended, Ok(0))
                || ended.is_err_and(|error| error.kind() != std::io::ErrorKind::WouldBlock)
        );
    }
}

#[test]
fn one_file_alone_starts_no_server() {
    let folder = tempfile::tempdir().unwrap();
    let said = Command::new(env!("CARGO_BIN_EXE_lyceum"))
        .args(["serve", "--listen", "127.0.0.1:0", "--tls-cert", "cert.pem", "--data-dir"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert_eq!(said.status.code(), Some(1));
    let said = String::from_utf8(said.stderr).unwrap();
    assert!(
        said.contains("lyceum: TLS needs both --tls-cert and --tls-key, and --tls-key is missing"),
        "{said}"
    );
}
