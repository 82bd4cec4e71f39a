//! HTTP/2 (RFC 9113): a connection that begins with its preface is spoken to in it, many requests at once.
//!
//! What guards a connection of HTTP/1 has to be found anew for each stream: a reader that takes nothing of one answer may
//! go on with others and answers pings, and a connection may stand open with nothing asked.

use std::collections::BTreeMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::Response;
use hyper::body::{Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use crate::clock::monotonic;
use crate::config;

/// What a client that speaks HTTP/2 begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Requests of one connection at once.
pub(super) const STREAMS: u32 = 64;

/// Most bytes of an answer that wait for its reader's window or for the socket, beside the piece that is on its way.
pub(super) const SEND_BYTES: usize = 32 << 10;

/// When the server ends, a client that reads no more is waited for so long.
pub(super) const PARTING: Duration = Duration::from_secs(1);

/// Most bytes of a request's header fields.
pub(super) const HEADER_BYTES: u32 = 64 << 10;

/// So much of an answer is handed on at once: what is left of it stays here, where it is known whether it moves.
const PIECE: usize = 16 << 10;

/// How often a connection is looked at, for each time that something may stand still.
const LOOKS: u32 = 4;

/// A stream that gets nothing while others do is given up after so many times the patience for one that is alone: it may
/// only have waited for its turn.
const TURNS: u32 = 4;

/// A stream of which the first bytes have been read already.
pub(super) struct Begun<S> {
    first: Vec<u8>,
    /// How many of them have been taken.
    taken: usize,
    inner: S,
    /// Is told of what is written.
    traffic: Option<Traffic>,
}

impl<S: AsyncRead + Unpin> Begun<S> {
    /// Reads as far as it may be the preface.
    pub(super) async fn read(mut inner: S) -> io::Result<Self> {
        let mut first = Vec::with_capacity(PREFACE.len());
        while first.len() < PREFACE.len() && PREFACE.starts_with(&first) {
            let mut rest = (&mut inner).take((PREFACE.len() - first.len()) as u64);
            if rest.read_buf(&mut first).await? == 0 {
                break;
            }
        }
        Ok(Self { first, taken: 0, inner, traffic: None })
    }

    /// Tells of what is written.
    pub(super) fn watched_by(self, traffic: &Traffic) -> Self {
        Self { traffic: Some(traffic.clone()), ..self }
    }

    pub(super) fn speaks_http2(&self) -> bool {
        self.first == PREFACE
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Begun<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken < self.first.len() {
            let end = self.first.len().min(self.taken + buffer.remaining());
            buffer.put_slice(&self.first[self.taken..end]);
            self.taken = end;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<S> Begun<S> {
    fn note(&self, written: &Poll<io::Result<usize>>) {
        if let (Some(traffic), Poll::Ready(Ok(1..))) = (&self.traffic, written) {
            traffic.state().written = monotonic();
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Begun<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.note(&written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, bytes);
        self.note(&written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// Why a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standstill {
    /// Nothing is asked.
    Idle,
    /// A client takes nothing of an answer.
    Stalled,
}

/// What goes on over one connection.
#[derive(Clone)]
pub(super) struct Traffic(Arc<Mutex<State>>);

struct State {
    /// Requests that are not answered to the end.
    open: usize,
    quiet_since: Instant,
    /// When the streams were handed something that they have not asked for more of.
    handed: BTreeMap<u64, Instant>,
    next: u64,
    /// When the connection last took something.
    written: Instant,
}

impl Traffic {
    pub(super) fn new() -> Self {
        let now = monotonic();
        let state = State { open: 0, quiet_since: now, handed: BTreeMap::new(), next: 0, written: now };
        Self(Arc::new(Mutex::new(state)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request has come.
    pub(super) fn open(&self) -> Exchange {
        let mut state = self.state();
        state.open += 1;
        state.next += 1;
        Exchange { traffic: self.clone(), number: state.next }
    }

    /// Ends when nothing is asked for `header_seconds`, or a client takes nothing of an answer for `write_seconds`.
    pub(super) async fn stands_still(&self, limits: &config::Http) -> Standstill {
        let idle = Duration::from_secs(limits.header_seconds);
        let patience = Duration::from_secs(limits.write_seconds);
        let pause = (idle.min(patience) / LOOKS).max(Duration::from_millis(50));
        loop {
            tokio::time::sleep(pause).await;
            if let Some(standstill) = self.judge(monotonic(), idle, patience) {
                return standstill;
            }
        }
    }

    /// Ends when all is answered and nothing was written for `silence`, or a client takes nothing of an answer: behind the last
    /// request, what has been handed on may take its time on the way.
    pub(super) async fn drained(&self, limits: &config::Http, silence: Duration) {
        let patience = Duration::from_secs(limits.write_seconds);
        loop {
            tokio::time::sleep((silence / LOOKS).max(Duration::from_millis(50))).await;
            let now = monotonic();
            let silent = {
                let state = self.state();
                state.open == 0 && now.saturating_duration_since(state.written) > silence
            };
            if silent || self.judge(now, Duration::MAX, patience) == Some(Standstill::Stalled) {
                return;
            }
        }
    }

    fn judge(&self, now: Instant, idle: Duration, patience: Duration) -> Option<Standstill> {
        let state = self.state();
        let old = |since: &Instant, most: Duration| now.saturating_duration_since(*since) > most;
        let stalled = |since: &Instant| {
            let alone = state.written <= *since;
            old(since, if alone { patience } else { patience * TURNS })
        };
        if state.handed.values().any(stalled) {
            return Some(Standstill::Stalled);
        }
        (state.open == 0 && old(&state.quiet_since, idle)).then_some(Standstill::Idle)
    }
}

/// A request on its way, until its answer has been taken or its client has gone.
pub(super) struct Exchange {
    traffic: Traffic,
    number: u64,
}

impl Exchange {
    /// The answer, watched while it is taken.
    pub(super) fn watch(self, response: Response<Body>) -> Response<Body> {
        response.map(|body| Body::new(Watched { body, left: Bytes::new(), exchange: self }))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut state = self.traffic.state();
        state.handed.remove(&self.number);
        state.open -= 1;
        state.quiet_since = monotonic();
    }
}

/// A body in pieces, of which it is known when the last one was handed on.
struct Watched {
    body: Body,
    /// Of a longer piece.
    left: Bytes,
    exchange: Exchange,
}

impl Watched {
    fn hand(&mut self) -> Frame<Bytes> {
        let mut length = self.left.len().min(PIECE);
        // With the last piece the exchange is over, and h2 takes a piece whole where there is room for a byte: the last
        // byte goes by itself.
        if length == self.left.len() && length > 1 && self.body.is_end_stream() {
            length -= 1;
        }
        let piece = self.left.split_to(length);
        self.exchange.traffic.state().handed.insert(self.exchange.number, monotonic());
        Frame::data(piece)
    }
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let number = self.exchange.number;
        self.exchange.traffic.state().handed.remove(&number);
        if !self.left.is_empty() {
            return Poll::Ready(Some(Ok(self.hand())));
        }
        let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(context)) else {
            return Poll::Ready(None);
        };
        Poll::Ready(Some(frame.map(|frame| match frame.into_data() {
            Ok(bytes) => {
                self.left = bytes;
                self.hand()
            }
            Err(trailers) => trailers,
        })))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, left) = (self.body.size_hint(), self.left.len() as u64);
        let mut hint = SizeHint::new();
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper + left);
        }
        hint.set_lower(inner.lower() + left);
        hint
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    async fn begun(sent: &[u8]) -> (bool, Vec<u8>) {
        let (mut near, far) = tokio::io::duplex(64);
        near.write_all(sent).await.unwrap();
        drop(near);
        let mut begun = Begun::read(far).await.unwrap();
        let mut read = Vec::new();
        let speaks = begun.speaks_http2();
        begun.read_to_end(&mut read).await.unwrap();
        (speaks, read)
    }

    #[tokio::test]
    async fn a_preface_is_known_and_nothing_is_lost() {
        let longer = [PREFACE, &b"more"[..]].concat();
        for (sent, speaks) in [
            (&longer[..], true),
            (PREFACE, true),
            (&PREFACE[..20], false),
            (b"PUT / HTTP/1.1\r\n\r\n", false),
            (b"", false),
        ] {
            assert_eq!(begun(sent).await, (speaks, sent.to_vec()));
        }
    }

    #[tokio::test]
    async fn an_answer_comes_in_pieces_and_its_last_ends_the_exchange() {
        let traffic = Traffic::new();
        let long: Vec<u8> = (0..40_000_u32).map(|at| at as u8).collect();
        let body = traffic.open().watch(Response::new(Body::from(long.clone()))).into_body();
        assert_eq!((body.size_hint().exact(), traffic.state().open), (Some(40_000), 1));
        assert_eq!(body.collect().await.unwrap().to_bytes(), long);
        let state = traffic.state();
        assert_eq!((state.open, state.handed.len()), (0, 0));
    }

    #[tokio::test]
    async fn what_stands_still_is_told() {
        let traffic = Traffic::new();
        let (idle, patience) = (Duration::from_secs(30), Duration::from_mins(1));
        let after = |seconds: u64| traffic.judge(monotonic() + Duration::from_secs(seconds), idle, patience);
        assert_eq!((after(29), after(31)), (None, Some(Standstill::Idle)));
        let mut body = traffic.open().watch(Response::new(Body::from(vec![0; 40_000]))).into_body();
        // Nothing has been handed on: the answer is still made.
        assert_eq!(after(1_000), None);
        body.frame().await.unwrap().unwrap();
        assert_eq!((after(59), after(61)), (None, Some(Standstill::Stalled)));
        // Others were served meanwhile: it may have waited for its turn.
        traffic.state().written = monotonic();
        assert_eq!((after(200), after(241)), (None, Some(Standstill::Stalled)));
        drop(body);
        assert_eq!(after(61), Some(Standstill::Idle));
    }

    /// A stream of events may have nothing to say for as long as it likes.
    #[tokio::test]
    async fn who_waits_for_more_stands_not_still() {
        let traffic = Traffic::new();
        let events = futures::stream::once(async { Ok::<_, std::io::Error>("event") });
        let events = futures::StreamExt::chain(events, futures::stream::pending());
        let mut body = traffic.open().watch(Response::new(Body::from_stream(events))).into_body();
        body.frame().await.unwrap().unwrap();
        let mut next = Box::pin(body.frame());
        assert!(futures::poll!(&mut next).is_pending());
        let much_later = monotonic() + Duration::from_secs(1_000);
        assert_eq!(traffic.judge(much_later, Duration::from_secs(30), Duration::from_mins(1)), None);
    }
}
