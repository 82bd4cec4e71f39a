//! The HTTP API: what arrives over the network becomes a call of `jobs`, `store` or `inference`, and what they answer
//! becomes JSON. `routes` lists every route; `problem` is the one table of failures.

mod access;
mod admission;
mod at_once;
mod attention;
mod audit;
mod authorise;
mod body;
mod causes;
mod compressed;
mod connection;
mod etag;
mod extract;
mod figures;
mod file;
mod http2;
mod idempotency;
mod listen;
mod long_work;
mod middleware;
pub mod openapi;
mod page;
mod problem;
mod routes;
mod server;
mod session;
mod state;
mod tls;
mod upload;

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use at_once::AtOnce;
use connection::{Paced, Peer};
use http2::{Begun, Standstill, Traffic};
use listen::{Arrival, Listeners};

use crate::jobs::process;

pub use listen::ListenError;
pub use problem::{Kind, Problem, ProblemBody};
pub use server::{Server, ServerError};
pub use state::AppState;
pub use tls::TlsError;

/// Files that the server needs beside its connections: the database's, those of models, runs and workers.
const OWN_FILES: usize = 256;

/// The whole API: what answers a request. A handle; clones share everything.
#[derive(Clone)]
pub struct Api {
    state: AppState,
    routes: Router,
}

impl Api {
    pub fn new(state: AppState) -> Self {
        let (router, _) = routes::all().split_for_parts();
        let authorise = axum::middleware::from_fn_with_state(state.clone(), authorise::authorise);
        Self { routes: router.layer(authorise).with_state(state.clone()), state }
    }

    /// The answer to a request. The frame is around the router and not in it, since the router adds `allow` behind its own
    /// layers; and it is called, since a layer costs every request some allocations.
    pub async fn answer(self, request: Request) -> Response {
        middleware::frame(&self.state, self.routes, request).await
    }

    /// The answer to what came over a connection.
    async fn answer_to(self, peer: Peer, request: hyper::Request<Incoming>) -> Result<Response, Infallible> {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(peer);
        Ok(self.answer(request).await)
    }
}

/// Answers what arrives until `shutdown`; then takes nothing new, ends the streams and gives the
/// requests in flight some seconds to finish.
async fn serve(listeners: Listeners, state: AppState, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let api = Api::new(state.clone());
    let room = std::sync::Arc::new(Semaphore::new(most_connections(state.config.http.connections)));
    let connections = TaskTracker::new();
    let watching = state.clone();
    let watch = tokio::spawn(async move {
        if let Some(tls) = &watching.tls {
            tls.watch().await;
        }
    });
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = async {
            // Who comes when there is no room waits in the listener's backlog.
            let place = room.clone().acquire_owned().await;
            (listeners.accept().await, place)
        };
        let (accepted, place) = tokio::select! {
            accepted = accepted => accepted,
            () = &mut shutdown => break,
        };
        match accepted {
            Ok(arrival) => {
                let api = api.clone();
                connections.spawn(AtOnce::new(async move {
                    talk(arrival, api).await;
                    drop(place);
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
    drop(listeners);
    watch.abort();
    state.closing.cancel();
    connections.close();
    let patience = Duration::from_secs(state.config.server.shutdown_seconds);
    if tokio::time::timeout(patience, connections.wait()).await.is_err() {
        tracing::warn!(connections = connections.len(), "requests were cut at the end");
    }
    Ok(())
}

/// As many connections as there may be: the files that the server may open are for what it keeps as well.
fn most_connections(wanted: usize) -> usize {
    let files = usize::try_from(process::raise_open_files()).unwrap_or(usize::MAX);
    let most = files.saturating_sub(OWN_FILES).max(files / 2);
    if most < wanted {
        tracing::warn!(files, "only {most} connections fit into the files that may be open (ulimit -n)");
    }
    wanted.min(most).min(Semaphore::MAX_PERMITS)
}

/// One connection, to its end: the handshake, where there is one, and what is asked.
async fn talk(arrival: Arrival, api: Api) {
    let state = api.state.clone();
    let limits = &state.config.http;
    let pace = Duration::from_secs(limits.write_seconds);
    let (stream, address) = match arrival {
        Arrival::Tcp(stream, address) => (stream, Some(address)),
        Arrival::Unix(stream) => {
            let peer = Peer { address: None, tls: false };
            return converse(Paced::new(stream, pace, &state.attention), peer, api).await;
        }
    };
    let _ = stream.set_nodelay(true);
    let Some(tls) = &state.tls else {
        let peer = Peer { address, tls: false };
        return converse(Paced::new(stream, pace, &state.attention), peer, api).await;
    };
    let patience = Duration::from_secs(limits.header_seconds);
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(patience, tls.accept(stream, pace, &state.attention)) => accepted,
        () = state.closing.cancelled() => return,
    };
    match accepted {
        Ok(Ok(stream)) => converse(stream, Peer { address, tls: true }, api).await,
        Ok(Err(error)) => tracing::debug!(%error, "a handshake failed"),
        Err(_) => tracing::debug!("a handshake took too long"),
    }
}

/// Answers what is asked over a stream, in the version of HTTP that its client speaks.
async fn converse<S>(stream: S, peer: Peer, api: Api)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let state = api.state.clone();
    let patience = Duration::from_secs(state.config.http.header_seconds);
    let begun = tokio::select! {
        begun = tokio::time::timeout(patience, Begun::read(stream)) => begun,
        () = state.closing.cancelled() => return,
    };
    let ended = match begun {
        Ok(Ok(stream)) if stream.speaks_http2() => converse_http2(stream, peer, api).await,
        Ok(Ok(stream)) => converse_http1(stream, peer, api).await,
        Ok(Err(error)) => return tracing::debug!(%error, "a connection broke off"),
        Err(_) => return tracing::debug!("a connection said nothing"),
    };
    if let Err(error) = ended {
        if stalled(&error) {
            state.figures.slow_readers.inc();
        }
        tracing::debug!(%error, "a connection broke off");
    }
}

async fn converse_http1<S>(stream: S, peer: Peer, api: Api) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let state = api.state.clone();
    let service = service_fn(move |request| api.clone().answer_to(peer, request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(state.config.http.header_seconds))
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => ended,
        () = state.closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    }
}

async fn converse_http2<S>(stream: Begun<S>, peer: Peer, api: Api) -> hyper::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let state = api.state.clone();
    let traffic = Traffic::new();
    let watched = traffic.clone();
    let stream = stream.watched_by(&traffic);
    let service = service_fn(move |request| {
        let (exchange, answer) = (watched.open(), api.clone().answer_to(peer, request));
        async move { answer.await.map(|response| exchange.watch(response)) }
    });
    let limits = &state.config.http;
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(http2::STREAMS)
        .max_header_list_size(http2::HEADER_BYTES)
        .max_send_buf_size(http2::SEND_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let silence = tokio::select! {
        ended = connection.as_mut() => return ended,
        () = state.closing.cancelled() => http2::PARTING,
        standstill = traffic.stands_still(limits) => match standstill {
            Standstill::Idle => Duration::from_secs(limits.write_seconds),
            Standstill::Stalled => {
                state.figures.slow_readers.inc();
                return Ok(());
            }
        }
    };
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        ended = connection => ended,
        () = traffic.drained(limits, silence) => Ok(()),
    }
}

/// Whether the client took nothing of its answer for too long ([`connection::Paced`]).
fn stalled(error: &hyper::Error) -> bool {
    let cause = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::TimedOut)
}
