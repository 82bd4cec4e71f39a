//! Watching a job: while it is cancelled, broken off, and over connections that are cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{Server, long_job, program, said, signal, wait_for_line};

/// Whether a line of a watched job says that it trains.
fn trains(line: &str) -> bool {
    line.contains("epoch ") && line.contains("loss ") && line.contains("examples/s")
}

#[test]
fn a_job_that_is_cancelled_ends_its_watcher() {
    let server = Server::with_iris();
    let mut watcher = server
        .command(&["jobs", "submit", &server.job(&long_job()), "--watch"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_for_line(watcher.stderr.take().unwrap(), trains);
    assert_eq!(server.run(&["jobs", "cancel", "long"]).code, 0);
    let ended = watcher.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(3));
    assert!(String::from_utf8(ended.stdout).unwrap().contains("long cancelled"));
}

#[test]
fn a_watcher_that_is_broken_off_leaves_the_job_running() {
    let server = Server::with_iris();
    let mut watcher = server
        .command(&["jobs", "submit", &server.job(&long_job()), "--watch"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut told = watcher.stderr.take().unwrap();
    wait_for_line(&mut told, trains);
    signal(&watcher, Signal::INT);
    let line = wait_for_line(told, |line| line.contains("the job goes on"));
    assert!(line.contains("lyceum jobs watch "), "{line}");
    assert_eq!(watcher.wait().unwrap().code(), Some(130));
    assert_eq!(server.json(&["jobs", "show", "long"])[0]["status"], "running");
    assert_eq!(server.run(&["jobs", "cancel", "long"]).code, 0);
}

#[test]
fn the_events_come_once_and_in_order_over_connections_that_are_cut() {
    let server = Server::with_iris();
    let submitted = server.run(&["jobs", "submit", &server.job(&json!({})), "--watch", "--json"]);
    assert_eq!(submitted.code, 0, "{}", submitted.err);
    let all = submitted.documents();
    let (job, events) = all.split_last().unwrap();
    assert_eq!((&job["status"], &job["name"]), (&json!("succeeded"), &json!("iris")));
    assert_eq!(events.last().unwrap()["event"], "end");
    let ids: Vec<u64> = events.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    for kind in ["status", "progress", "metrics", "checkpoint"] {
        assert!(events.iter().any(|event| event["event"] == kind), "{kind}");
    }

    let proxy = Proxy::start(server.address.strip_prefix("http://").unwrap());
    let id = job["id"].as_str().unwrap();
    let watched = said(program().args(["jobs", "watch", id, "--json", "--server", &proxy.address]));
    assert_eq!(watched.code, 0, "{}", watched.err);
    assert_eq!(watched.documents(), all);
    assert!(proxy.cut.load(Ordering::Relaxed) >= 2, "{}", events.len());
    let last: &Value = events.last().unwrap();
    assert!(last["data"]["metrics"]["accuracy"].is_number(), "{last}");
}

/// Stands between a client and the server, and cuts each stream of events a little later than the one before.
struct Proxy {
    address: String,
    cut: Arc<AtomicUsize>,
}

impl Proxy {
    const FIRST: usize = 1_500;

    fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (cut, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (server, told) = (server.to_owned(), cut.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(&server).unwrap());
                let (cut, counted) = (cut.clone(), counted.clone());
                std::thread::spawn(move || pass(client, server, &cut, &counted));
            }
        });
        Self { address, cut: told }
    }
}

fn pass(mut client: TcpStream, mut server: TcpStream, cut: &AtomicUsize, counted: &AtomicUsize) {
    let mut request = [0; 4096];
    let length = client.read(&mut request).unwrap();
    server.write_all(&request[..length]).unwrap();
    // A connection that is not cut is used again.
    let (mut later, mut onward) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut later, &mut onward));
    let streams = String::from_utf8_lossy(&request[..length]).contains("/events ");
    let most = if streams { Proxy::FIRST << counted.fetch_add(1, Ordering::Relaxed) } else { usize::MAX };
    let mut passed = 0;
    let mut piece = [0; 512];
    while let Ok(length @ 1..) = server.read(&mut piece) {
        if client.write_all(&piece[..length]).is_err() {
            break;
        }
        passed += length;
        if passed > most {
            cut.fetch_add(1, Ordering::Relaxed);
            break;
        }
    }
    // Either side may have closed already.
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}
