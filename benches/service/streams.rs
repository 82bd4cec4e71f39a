//! Open streams of events: what they take of the server's memory, and of training's time.

use std::time::Duration;

use futures::future::join_all;
use reqwest::Response;

use crate::networks;
use crate::served::step_seconds;
use crate::server::Server;
use crate::table::{Figures, Table, Target};

const STREAMS: usize = 1_000;
/// So many read along while a job trains.
const READERS: usize = 50;
const ROUNDS: usize = 5;

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--idle-workers", "0", "--threads", "2"]).await;
    server.has_dataset("mnist").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, _) = server.memory();
    let streams = open(&server, STREAMS).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (after, _) = server.memory();
    drop(streams);
    table.row(
        "1,000 open streams of events",
        &Figures::new(vec![after - before]),
        0,
        "MB",
        Target::AtMost(100.0),
    );
    beside_training(table, &server).await;
}

/// Streams of all events, each on a connection of its own.
pub(crate) async fn open(server: &Server, count: usize) -> Vec<Response> {
    let url = format!("{}/v1/events", server.url);
    let streams =
        join_all((0..count).map(async |_| server.client.get(&url).send().await.expect("a stream"))).await;
    assert!(streams.iter().all(|stream| stream.status().is_success()));
    streams
}

pub(crate) async fn read_on(mut stream: Response) {
    while let Ok(Some(_)) = stream.chunk().await {}
}

/// The same job with nobody and with fifty reading along, in turns.
async fn beside_training(table: &mut Table, server: &Server) {
    let [mlp, ..] = networks::all();
    let job = mlp.job(2);
    let (mut ratios, mut alone, mut watched) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        alone.push(step_seconds(server, &job).await * 1e6);
        let readers: Vec<_> =
            open(server, READERS).await.into_iter().map(|stream| tokio::spawn(read_on(stream))).collect();
        watched.push(step_seconds(server, &job).await * 1e6);
        assert!(readers.iter().all(|reader| !reader.is_finished()), "a stream ended");
        readers.iter().for_each(tokio::task::JoinHandle::abort);
        ratios.push(alone[alone.len() - 1] / watched[watched.len() - 1]);
    }
    let what = format!("training's speed with {READERS} streams read, over none");
    table.row(&what, &Figures::new(ratios), 3, "×", Target::AtLeast(0.97));
    table.note("  a step with none", &Figures::new(alone), 0, "µs");
    table.note("  a step with them", &Figures::new(watched), 0, "µs");
}
