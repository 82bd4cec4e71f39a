//! Traces: which request a run comes of, in the words of W3C Trace Context, told to a collector over OTLP where there is
//! one.
//!
//! A request is a span of the trace that its `traceparent` names, or of one of its own; a run is a span below the
//! request that posted its job, hours later though it be. Both have the ids that they have anyway, so that nothing has to
//! be kept for a trace but what the job was posted with.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_otlp::{SpanExporter, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanExporter as _, SpanLinks};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::config;

/// Spans that wait for the collector; more are dropped.
const WAITING: usize = 8_192;
/// Spans that are sent together, and the longest that they wait for each other.
const BATCH: usize = 512;
const DELAY: Duration = Duration::from_secs(1);
/// How long the collector may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// A span's place: its trace and its own id, written as `traceparent` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    trace: u128,
    span: u64,
    flags: u8,
}

impl TraceContext {
    /// The first span of a trace.
    pub fn root(id: Uuid) -> Self {
        Self { trace: id.as_u128(), span: id.as_u64_pair().1, flags: 1 }
    }

    /// A span below this one.
    #[must_use]
    pub fn child(self, id: Uuid) -> Self {
        Self { span: id.as_u64_pair().1, ..self }
    }

    /// The trace's id, as hexadecimal digits.
    pub fn trace_id(&self) -> String {
        format!("{:032x}", self.trace)
    }

    fn context(self) -> SpanContext {
        let (trace, span) = (self.trace.to_be_bytes(), self.span.to_be_bytes());
        let flags = TraceFlags::new(self.flags);
        SpanContext::new(TraceId::from_bytes(trace), SpanId::from_bytes(span), flags, false, TraceState::NONE)
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "00-{:032x}-{:016x}-{:02x}", self.trace, self.span, self.flags)
    }
}

impl FromStr for TraceContext {
    type Err = ();

    /// A `traceparent` of version 00 or a later one, whose first four parts are those of version 00.
    fn from_str(text: &str) -> Result<Self, ()> {
        let parts: Vec<&str> = text.split('-').collect();
        let [version, trace, span, flags, rest @ ..] = parts.as_slice() else { return Err(()) };
        let hexadecimal = |part: &str, digits: usize| {
            let right = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            part.len() == digits && part.bytes().all(right)
        };
        let well_formed = hexadecimal(version, 2)
            && hexadecimal(trace, 32)
            && hexadecimal(span, 16)
            && hexadecimal(flags, 2)
            && *version != "ff"
            && (*version != "00" || rest.is_empty());
        let number = |part: &str| u128::from_str_radix(part, 16).map_err(|_| ());
        let (trace, span, flags) = (number(trace)?, number(span)?, number(flags)?);
        if !well_formed || trace == 0 || span == 0 {
            return Err(());
        }
        Ok(Self { trace, span: span as u64, flags: flags as u8 })
    }
}

/// Something that took its time.
#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub context: TraceContext,
    pub parent: Option<TraceContext>,
    /// Whether it answers a request.
    pub answers: bool,
    /// Microseconds since the Unix epoch.
    pub began: i64,
    pub ended: i64,
    pub attributes: Vec<(&'static str, String)>,
    /// What went wrong, if anything did.
    pub error: Option<String>,
}

impl Span {
    fn data(self) -> SpanData {
        let moment = |us: i64| SystemTime::UNIX_EPOCH + Duration::from_micros(us.max(0).cast_unsigned());
        SpanData {
            span_context: self.context.context(),
            parent_span_id: self.parent.map_or(SpanId::INVALID, |parent| parent.context().span_id()),
            parent_span_is_remote: self.answers && self.parent.is_some(),
            span_kind: if self.answers { SpanKind::Server } else { SpanKind::Internal },
            name: self.name.into(),
            start_time: moment(self.began),
            end_time: moment(self.ended),
            attributes: self.attributes.into_iter().map(|(key, value)| KeyValue::new(key, value)).collect(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: self.error.map_or(Status::Unset, Status::error),
            instrumentation_scope: InstrumentationScope::builder("lyceum").build(),
        }
    }
}

/// Where spans go; nowhere without a collector.
#[derive(Clone, Debug, Default)]
pub struct Traces(Option<mpsc::Sender<Span>>);

impl Traces {
    /// Begins to send to the collector that the settings name. The handle ends when all clones are gone and what
    /// waited is sent.
    pub fn start(settings: &config::Traces) -> Result<(Self, Option<JoinHandle<()>>), String> {
        let Some(endpoint) = &settings.otlp_endpoint else { return Ok((Self::default(), None)) };
        let client = reqwest::Client::builder().build().map_err(|error| error.to_string())?;
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(client)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_timeout(PATIENCE)
            .build()
            .map_err(|error| error.to_string())?;
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        exporter
            .set_resource(&Resource::builder().with_service_name("lyceum").with_attribute(version).build());
        let (sender, spans) = mpsc::channel(WAITING);
        Ok((Self(Some(sender)), Some(tokio::spawn(send(exporter, spans)))))
    }

    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Tells of a span. One more than can wait is dropped: a collector holds nothing up.
    pub fn tell(&self, span: Span) {
        if let Some(sender) = &self.0
            && span.context.flags & 1 == 1
        {
            let _ = sender.try_send(span);
        }
    }
}

async fn send(exporter: SpanExporter, mut spans: mpsc::Receiver<Span>) {
    let mut batch = Vec::with_capacity(BATCH);
    let mut failing = false;
    while spans.recv_many(&mut batch, BATCH).await > 0 {
        let full = async { while batch.len() < BATCH && spans.recv_many(&mut batch, BATCH).await > 0 {} };
        let _ = tokio::time::timeout(DELAY, full).await;
        let sent = exporter.export(batch.drain(..).map(Span::data).collect()).await;
        if let Err(error) = &sent
            && !failing
        {
            tracing::warn!(%error, "traces cannot be sent to the collector");
        }
        failing = sent.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_traceparent_is_read_and_written() {
        let text = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let context: TraceContext = text.parse().unwrap();
        assert_eq!(context.to_string(), text);
        let later = format!("cc{}-what-comes", &text[2..]);
        assert_eq!(later.parse::<TraceContext>(), Ok(context));
        let child = context.child(Uuid::from_u128(7));
        assert_eq!(child.to_string(), "00-0af7651916cd43dd8448eb211c80319c-0000000000000007-01");
        for wrong in [
            "",
            "00",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ] {
            assert_eq!(wrong.parse::<TraceContext>(), Err(()), "{wrong}");
        }
    }
}
