//! A thousand open streams of events: what they take of the server's memory.

use std::time::Duration;

use futures::future::join_all;

use crate::server::Server;
use crate::table::{Figures, Table, Target};

const STREAMS: usize = 1_000;

pub(crate) async fn measure(table: &mut Table) {
    let folder = crate::folder();
    let server = Server::start(folder.path(), &["--idle-workers", "0"]).await;
    server.has_dataset("mnist").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (before, _) = server.memory();
    let url = format!("{}/v1/events", server.url);
    // A client each, so that each stream has a connection of its own.
    let open = (0..STREAMS).map(async |_| server.client.get(&url).send().await.expect("a stream"));
    let streams = join_all(open).await;
    assert!(streams.iter().all(|stream| stream.status().is_success()));
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
}
