//! HTTP/2: many requests at once over one connection, and those who hold one and take nothing.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::support::alone;
use crate::support::bodies::{IRIS, iris};
use crate::support::served::Served;

const PATIENCE: Duration = Duration::from_secs(20);

type Client = SendRequest<BoxBody<Bytes, Infallible>>;

/// A connection by prior knowledge, and the task that ends with it.
async fn connect(served: &Served, window: u32) -> (Client, JoinHandle<()>) {
    let address = served.address.trim_start_matches("http://");
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let mut builder = Builder::new(TokioExecutor::new());
    let builder = builder.timer(TokioTimer::new()).initial_stream_window_size(window);
    let (client, connection) = builder.handshake(stream).await.unwrap();
    let task = tokio::spawn(async move { drop(connection.await) });
    (client, task)
}

async fn ask(client: &mut Client, method: &str, url: String, body: &Value) -> Response<Incoming> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = Request::builder().method(method).uri(url).header("content-type", "application/json");
    client.ready().await.unwrap();
    client.send_request(request.body(Full::from(body).boxed()).unwrap()).await.unwrap()
}

async fn json_of(answer: Response<Incoming>) -> Value {
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn what_is_asked_by_head_has_no_body() {
    let served = Served::start(&[]);
    let (mut client, _task) = connect(&served, 1 << 20).await;
    for (path, status) in [("/v1/jobs", 200), ("/v1/jobs/none", 404), ("/v1/plans", 405), ("/nothing", 404)] {
        let answer = ask(&mut client, "HEAD", served.url(path), &Value::Null).await;
        assert_eq!(answer.status(), status, "{path}");
        let length: usize = answer.headers()["content-length"].to_str().unwrap().parse().unwrap();
        assert!(length > 0, "{path}");
        assert!(answer.into_body().collect().await.unwrap().to_bytes().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn many_are_asked_at_once_over_one_connection() {
    let _alone = alone().await;
    let served = Served::start(&[]);
    served.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let (mut client, _task) = connect(&served, 1 << 20).await;
    let made = ask(&mut client, "POST", served.url("/v1/jobs"), &iris(2)).await;
    assert_eq!((made.status(), made.version()), (StatusCode::ACCEPTED, Version::HTTP_2));
    let id = json_of(made).await["id"].as_str().unwrap().to_owned();
    assert_eq!(served.finished(&id).await["status"], "succeeded");

    let asked = (0..100).map(|row| {
        let mut client = client.clone();
        let url = served.url("/v1/models/iris/predict");
        async move {
            let width = 0.1 + f64::from(row % 25) / 10.0;
            let answer = ask(&mut client, "POST", url, &json!({"inputs": [[5.1, 3.5, 1.4, width]]})).await;
            assert_eq!(answer.status(), 200);
            (row % 25, json_of(answer).await["predictions"][0]["probabilities"]["setosa"].as_f64().unwrap())
        }
    });
    let answers = futures::future::join_all(asked).await;
    for (row, answer) in &answers {
        let same = answers[*row as usize].1;
        assert!((answer - same).abs() < 1e-6, "another's answer: {answer} {same}");
    }
    let mut each: Vec<f64> = answers[..25].iter().map(|(_, answer)| *answer).collect();
    each.sort_by(f64::total_cmp);
    assert!(each.windows(2).all(|two| two[1] - two[0] > 1e-5), "{each:?}");

    // One that is refused unread ends its stream, and not the others'.
    let foreign = "http://elsewhere.example/v1/jobs".to_owned();
    assert_eq!(ask(&mut client, "POST", foreign, &iris(1)).await.status(), 403);
    let wrong = ask(&mut client, "POST", served.url("/v1/jobs"), &json!({})).await;
    assert_eq!(wrong.status(), 422);
    assert_eq!(json_of(wrong).await["errors"][0]["pointer"], "/name");
}

#[tokio::test]
async fn a_browser_chooses_it_in_the_handshake() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&cert, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let served = Served::start(&["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()]);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    for (offered, chosen) in [(vec!["h2", "http/1.1"], "h2"), (vec!["http/1.1"], "http/1.1")] {
        let builder = rustls::ClientConfig::builder_with_provider(provider.clone());
        let mut config = builder
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        config.alpn_protocols = offered.iter().map(|word| word.as_bytes().to_vec()).collect();
        let stream = TcpStream::connect(served.address.trim_start_matches("https://")).await.unwrap();
        let name = "127.0.0.1".to_owned().try_into().unwrap();
        let stream = tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(chosen.as_bytes()));
        if chosen == "h2" {
            let builder = Builder::new(TokioExecutor::new());
            let (mut client, connection) = builder.handshake(TokioIo::new(stream)).await.unwrap();
            tokio::spawn(connection);
            assert_eq!(ask(&mut client, "GET", served.url("/healthz"), &Value::Null).await.status(), 200);
        }
    }
}

/// A client may answer pings, and go on with other streams, for as long as it likes.
#[tokio::test]
async fn who_takes_nothing_of_an_answer_is_cut_and_who_asks_nothing_too() {
    let served = Served::start(&["--write-seconds", "1", "--header-seconds", "2"]);
    let (mut client, stalled) = connect(&served, 1_000).await;
    let held = ask(&mut client, "GET", served.url("/openapi.yaml"), &Value::Null).await;
    assert_eq!(held.status(), 200);
    let (_idle_client, idle) = connect(&served, 1 << 20).await;
    let (mut listener, listening) = connect(&served, 1 << 20).await;
    let mut events = ask(&mut listener, "GET", served.url("/v1/events"), &Value::Null).await.into_body();

    tokio::time::timeout(PATIENCE, stalled).await.expect("who takes nothing is cut").unwrap();
    tokio::time::timeout(PATIENCE, idle).await.expect("who asks nothing is let go").unwrap();
    let figures = served.get("/metrics").await;
    let slow = figures.text().lines().find(|line| line.starts_with("lyceum_slow_readers_cut_total")).unwrap();
    assert!(slow.ends_with(" 1"), "{slow}");

    // One who waits for events waits as long as it likes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!listening.is_finished());
    served.post_as("/v1/datasets?name=iris&format=csv", "text/csv", IRIS).await.expect(201);
    let made = served.post("/v1/jobs", &iris(1)).await.expect(202);
    let mut heard = String::new();
    while !heard.contains(made["id"].as_str().unwrap()) {
        let frame = tokio::time::timeout(PATIENCE, events.frame()).await.expect("an event").unwrap().unwrap();
        heard.push_str(&String::from_utf8_lossy(&frame.into_data().unwrap()));
    }
}

/// One that says it speaks HTTP/2 and then nothing, nor answers a ping.
#[tokio::test]
async fn who_is_silent_is_let_go() {
    let served = Served::start(&["--write-seconds", "1", "--header-seconds", "1"]);
    let mut stream = TcpStream::connect(served.address.trim_start_matches("http://")).await.unwrap();
    // The preface, and settings that settle nothing.
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await.unwrap();
    let mut told = Vec::new();
    let read = stream.read_to_end(&mut told);
    // Cut in the middle is cut as well.
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("it is let go");
    assert!(!told.is_empty());
}

/// Longer than a connection may be idle, and longer than a reader may take nothing, but never for so long at once.
#[tokio::test]
async fn who_takes_an_answer_slowly_gets_all_of_it() {
    let served = Served::start(&["--write-seconds", "2", "--header-seconds", "1"]);
    let whole = served.get("/openapi.yaml").await;
    let (mut client, _task) = connect(&served, 40_000).await;
    let mut body = ask(&mut client, "GET", served.url("/openapi.yaml"), &Value::Null).await.into_body();
    let mut taken = Vec::new();
    while let Some(frame) = body.frame().await {
        taken.extend_from_slice(&frame.unwrap().into_data().unwrap());
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    assert_eq!(taken.len(), whole.text().len());
}

/// Of a client that tells of no length, and ends the request with an empty frame.
#[tokio::test]
async fn a_request_without_a_body_needs_no_media_type() {
    let served = Served::start(&[]);
    let (mut client, _task) = connect(&served, 1 << 20).await;
    let nothing = futures::stream::once(async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(Frame::data(Bytes::new()))
    });
    let path = format!("/v1/jobs/{}/cancel", uuid::Uuid::now_v7());
    let request = Request::post(served.url(&path)).body(StreamBody::new(nothing).boxed()).unwrap();
    client.ready().await.unwrap();
    assert_eq!(client.send_request(request).await.unwrap().status(), 404, "there is no such job");
}
