//! Watching a job: its events until the last, and how it ended.

mod follow;
mod sse;
mod standing;
mod view;

use serde_json::Value;

use super::client::Client;
use super::{Exit, say};
use follow::Follower;
use standing::Standing;

pub(super) use standing::metrics;
pub(super) use view::View;

/// Follows a job until it ends, and answers it as it then is. The job goes on when the user breaks this off.
pub(super) async fn watch(client: &Client, job: &str, mut view: View) -> Result<Value, Exit> {
    let ended = tokio::select! {
        ended = follow(client, job, &mut view) => ended,
        _ = tokio::signal::ctrl_c() => Err(Exit::Interrupted),
    };
    view.finish();
    match ended {
        Ok(()) => client.get(&["v1", "jobs", job]).await,
        Err(exit) => {
            if exit != Exit::Refused {
                say(format_args!("the job goes on; `lyceum jobs watch {job}` watches it again"));
            }
            Err(exit)
        }
    }
}

async fn follow(client: &Client, job: &str, view: &mut View) -> Result<(), Exit> {
    let mut follower = Follower::new(client, job);
    let mut standing = Standing::default();
    while let Some(event) = follower.next().await? {
        standing.take(&event);
        view.show(job, &event, &standing)?;
        if event.kind == "end" {
            break;
        }
    }
    Ok(())
}
