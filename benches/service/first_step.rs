//! From the posting of a job to the first step that its stream of events tells of.

use lyceum::clock::monotonic;
use serde_json::{Value, json};

use crate::server::Server;
use crate::table::{Figures, Table, Target};

const ROUNDS: usize = 15;

fn job() -> Value {
    json!({"name": "first-step", "resources": {"device": "cpu"}, "training": {
        "method": "supervised",
        "dataset": {"name": "iris", "target": "species"},
        "model": {"layers": [
            {"type": "dense", "units": 16, "activation": "relu"},
            {"type": "dense", "units": 3, "activation": "softmax"}]},
        "loss": "categorical_cross_entropy",
        "optimizer": {"type": "adam", "learning_rate": 0.01},
        "metrics": ["accuracy"], "batch_size": 16, "epochs": 20}})
}

/// Seconds; the job is at its end when this answers.
async fn first_step(server: &Server) -> f64 {
    let job = job();
    let began = monotonic();
    let id = server.submit(&job).await;
    let mut events = server.events(&id).await;
    events.until("step_loss").await;
    let seconds = began.elapsed().as_secs_f64();
    events.until_succeeded().await;
    seconds
}

pub(crate) async fn measure(table: &mut Table) {
    let folders = [crate::folder(), crate::folder()];
    let without = Server::start(folders[0].path(), &["--idle-workers", "0"]).await;
    let with = Server::start(folders[1].path(), &["--idle-workers", "1"]).await;
    for server in [&without, &with] {
        server.has_dataset("mnist").await;
        server.has_dataset("iris").await;
    }
    let (mut none, mut fresh, mut used) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        without.end_workers().await;
        none.push(first_step(&without).await);
        with.end_workers().await;
        with.idle_worker().await;
        fresh.push(first_step(&with).await * 1e3);
        with.idle_worker().await;
        used.push(first_step(&with).await * 1e3);
    }
    let (none, fresh, used) = (Figures::new(none), Figures::new(fresh), Figures::new(used));
    table.row("job to first reported step, no worker", &none, 2, "s", Target::AtMost(0.5));
    table.row("job to first reported step, an idle worker", &fresh, 1, "ms", Target::AtMost(50.0));
    table.row("job to first reported step, a worker behind a run", &used, 1, "ms", Target::AtMost(50.0));
}
