//! How long a server takes to be ready, and what it holds while nothing happens.

use std::time::Duration;

use crate::server::Server;
use crate::table::{Figures, Table, Target};

const ROUNDS: usize = 7;

pub(crate) async fn measure(table: &mut Table) {
    let (mut first, mut again, mut resident, mut anonymous) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let folder = crate::folder();
        let server = Server::start(folder.path(), &[]).await;
        first.push(server.ready_after.as_secs_f64());
        server.has_dataset("mnist").await;
        drop(server);
        let server = Server::start(folder.path(), &[]).await;
        again.push(server.ready_after.as_secs_f64());
        server.idle_worker().await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        let (all, own) = server.memory();
        resident.push(all);
        anonymous.push(own);
    }
    table.row("start to ready, an empty data folder", &Figures::new(first), 2, "s", Target::AtMost(0.6));
    table.row("start to ready, a data folder in use", &Figures::new(again), 2, "s", Target::AtMost(0.6));
    table.row("idle server, resident", &Figures::new(resident), 0, "MB", Target::AtMost(140.0));
    table.row("idle server, anonymous", &Figures::new(anonymous), 0, "MB", Target::AtMost(80.0));
}
