//! Streams of events, of one job and of all.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::serving;
use crate::clock;
use crate::http::access::Caller;
use crate::http::extract::{Limit, Path, Query, from_text};
use crate::http::openapi::{EventDataSchema, Time};
use crate::http::{AppState, Kind, Problem};
use crate::store::{Event, Follower, JobId};

/// How long a stream may go on that would not be opened any more: its key was revoked, or its session has ended.
const ADMITTED: Duration = Duration::from_secs(2);

/// Something that happened to a job.
#[derive(Serialize, ToSchema)]
#[schema(as = Event)]
pub(crate) struct EventView {
    /// One growing number for the whole server.
    #[schema(example = 1041)]
    id: i64,
    job: Uuid,
    /// `status`, `progress`, `metrics`, `checkpoint`, `resumed`, `log`, or `end`, which is a job's last.
    #[schema(example = "status")]
    event: &'static str,
    time: Time,
    #[schema(value_type = EventDataSchema)]
    data: Value,
}

impl From<Event> for EventView {
    fn from(event: Event) -> Self {
        Self {
            id: event.id,
            job: event.job.0,
            event: event.kind.word(),
            time: Time(event.time),
            data: serde_json::from_str(&event.data).unwrap_or_default(),
        }
    }
}

/// Events, oldest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct EventList {
    data: Vec<EventView>,
    /// The id of the last one, for `after`; `null` when there are no more yet. There may be fewer than were asked for
    /// where they hold much: what follows them is behind this id all the same.
    #[schema(required)]
    next: Option<String>,
}

#[derive(Deserialize, IntoParams)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct EventQuery {
    /// Events behind this id alone, or with `latest` those that are still to come; a stream of these begins with an
    /// event `place`, whose id is where it stands. `Last-Event-ID` says the same as an id here, and goes first.
    #[param(value_type = Option<String>, pattern = "^([0-9]{1,18}|latest)$", example = "1041")]
    #[serde(deserialize_with = "from_text")]
    after: Option<After>,
    /// How many, in a JSON list.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "from_text")]
    limit: Option<Limit>,
}

/// What is asked of the events of all jobs.
#[derive(Deserialize, IntoParams)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct AllEventsQuery {
    /// Events behind this id alone, or with `latest` those that are still to come; a stream of these begins with an
    /// event `place`, whose id is where it stands. `Last-Event-ID` says the same as an id here, and goes first.
    #[param(value_type = Option<String>, pattern = "^([0-9]{1,18}|latest)$", example = "1041")]
    #[serde(deserialize_with = "from_text")]
    after: Option<After>,
    /// How many, in a JSON list.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "from_text")]
    limit: Option<Limit>,
    /// Whether a stream tells of the models in use as well: events `serving`, without an id, of which the data are the
    /// `models` of `GET /v1/system`, at the beginning and when they have changed, at most one a second.
    #[param(value_type = Option<bool>)]
    #[serde(deserialize_with = "from_text")]
    serving: Option<bool>,
}

impl EventQuery {
    /// The place to begin at, where what comes is asked for without naming one.
    fn place(&self, after: i64, headers: &HeaderMap) -> Option<i64> {
        let unnamed = !headers.contains_key("last-event-id");
        (unnamed && matches!(self.after, Some(After::Latest))).then_some(after)
    }
}

/// A place among the events.
enum After {
    Id(i64),
    /// Behind all that there are.
    Latest,
}

impl std::str::FromStr for After {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "latest" {
            return Ok(Self::Latest);
        }
        let id = text.parse().ok().filter(|id| *id >= 0);
        id.map(Self::Id).ok_or("must be the id of an event, a whole number, or \"latest\"")
    }
}

/// What happens to a job, as it happens.
///
/// As `text/event-stream`, what is stored is told first, then what is committed, each event once and in order; the
/// stream ends behind the event `end`. With `accept: application/json` it is a list of what is stored.
#[utoipa::path(
    get, path = "/v1/jobs/{id}/events", tag = "jobs", operation_id = "job_events",
    params(
        ("id" = Uuid, Path, description = "The job."),
        EventQuery,
        ("last-event-id" = Option<i64>, Header, description = "Go on behind this event."),
    ),
    responses(
        (status = 200, description = "Events.", content(
            (String = "text/event-stream", example = "id: 1041\nevent: status\ndata: {\"status\":\"running\",\"run\":\"0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d\"}\n\n"),
            (EventList = "application/json"),
        )),
        (status = 204, description = "The job is finished, and all of it has been told: do not come again."),
    ),
    extensions(("x-problems" = json!({
        "406": "Neither form of events is accepted.",
        "429": "There are too many open streams.",
    })))
)]
pub(crate) async fn of_job(
    State(state): State<AppState>,
    Path(id): Path<Uuid>,
    Query(query): Query<EventQuery>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = state.store.job(JobId(id)).await?;
    let after = place(&state, &query, &headers).await?;
    if wants_list(&headers)? {
        return list(&state, Some(job.id), after, &query).await;
    }
    // A browser comes again when a stream ends, unless it is told that nothing is left.
    if job.status.terminal() && state.store.events(Some(job.id), after, 1).await?.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    stream_of(&state, Some(job.id), after, query.place(after, &headers), caller, None)
}

/// What happens to all jobs, as it happens.
///
/// The same as the events of a job, but that it has no end, and the data of each event names its `job` and its `time`.
#[utoipa::path(
    get, path = "/v1/events", tag = "jobs", operation_id = "all_events",
    params(AllEventsQuery, ("last-event-id" = Option<i64>, Header, description = "Go on behind this event.")),
    responses((status = 200, description = "Events.", content(
        (String = "text/event-stream", example = "id: 1041\nevent: status\ndata: {\"job\":\"0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d\",\"time\":\"2026-01-31T12:00:00.000000Z\",\"status\":\"queued\",\"run\":null}\n\n"),
        (EventList = "application/json"),
    ))),
    extensions(("x-problems" = json!({
        "406": "Neither form of events is accepted.",
        "429": "There are too many open streams.",
    })))
)]
pub(crate) async fn of_all(
    State(state): State<AppState>,
    Query(AllEventsQuery { after, limit, serving }): Query<AllEventsQuery>,
    caller: Option<Extension<Caller>>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let query = EventQuery { after, limit };
    let after = place(&state, &query, &headers).await?;
    if wants_list(&headers)? {
        return list(&state, None, after, &query).await;
    }
    let serving = serving.unwrap_or(false).then(serving::Told::default);
    stream_of(&state, None, after, query.place(after, &headers), caller, serving)
}

/// Behind which event to begin.
async fn place(state: &AppState, query: &EventQuery, headers: &HeaderMap) -> Result<i64, Problem> {
    if let Some(id) = headers.get("last-event-id") {
        let id = id.to_str().ok().and_then(|id| id.parse().ok()).filter(|id: &i64| *id >= 0);
        return id.ok_or_else(|| Problem::new(Kind::BadRequest, "last-event-id must be the id of an event"));
    }
    match query.after {
        None => Ok(0),
        Some(After::Id(id)) => Ok(id),
        Some(After::Latest) => Ok(state.store.last_event().await?),
    }
}

async fn list(
    state: &AppState,
    job: Option<JobId>,
    after: i64,
    query: &EventQuery,
) -> Result<Response, Problem> {
    let limit = query.limit.unwrap_or_default().0;
    let page = state.store.event_page(job, after, limit).await?;
    let data = page.data.into_iter().map(EventView::from).collect();
    Ok(axum::Json(EventList { data, next: page.next.map(|id| id.to_string()) }).into_response())
}

/// Whether a list is asked for; a stream is the first choice.
fn wants_list(headers: &HeaderMap) -> Result<bool, Problem> {
    let Some(accept) = headers.get(header::ACCEPT) else { return Ok(false) };
    let accept = accept.to_str().unwrap_or_default().to_ascii_lowercase();
    let takes = |kinds: &[&str]| {
        accept
            .split(',')
            .map(|kind| kind.split(';').next().unwrap_or_default().trim())
            .any(|kind| kinds.contains(&kind))
    };
    if takes(&["text/event-stream", "text/*"]) {
        return Ok(false);
    }
    if takes(&["application/json", "application/*"]) {
        return Ok(true);
    }
    if accept.trim().is_empty() || takes(&["*/*"]) {
        return Ok(false);
    }
    Err(Problem::new(Kind::NotAcceptable, "events come as text/event-stream or application/json"))
}

fn stream_of(
    state: &AppState,
    job: Option<JobId>,
    after: i64,
    place: Option<i64>,
    caller: Option<Extension<Caller>>,
    serving: Option<serving::Told>,
) -> Result<Response, Problem> {
    let permit = state.streams.clone().try_acquire_owned().map_err(|_| {
        Problem::too_many("as many streams of events are open as may be", 5).for_want_of("streams")
    })?;
    let open = Open {
        follower: state.store.follow(job, after),
        read: VecDeque::new(),
        place,
        serving,
        names_job: job.is_none(),
        counted: Counted::new(state.clone()),
        caller: caller.map(|Extension(caller)| caller),
        admitted: clock::monotonic(),
        _permit: permit,
    };
    let events = stream::unfold(open, |mut open| async move {
        let event = match open.place.take() {
            Some(place) => sse::Event::default().id(place.to_string()).event("place").data("{}"),
            None => match open.next().await? {
                News::Event(event) => told(&event, open.names_job),
                News::Serving(models) => sse::Event::default().event("serving").data(models),
            },
        };
        Some((Ok::<_, Infallible>(event), open))
    });
    let heartbeat = Duration::from_secs(state.config.http.heartbeat_seconds);
    let mut response = Sse::new(events).keep_alive(KeepAlive::new().interval(heartbeat)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// An open stream, and the place that it takes.
struct Open {
    follower: Follower,
    /// Read and not yet told.
    read: VecDeque<Event>,
    /// The id to begin with, for who does not know it.
    place: Option<i64>,
    /// What was told of the models in use, where that is asked for.
    serving: Option<serving::Told>,
    names_job: bool,
    counted: Counted,
    /// Who listens, where callers have keys, and when that was last seen to be allowed.
    caller: Option<Caller>,
    admitted: Instant,
    _permit: tokio::sync::OwnedSemaphorePermit,
}

/// What a stream tells.
enum News {
    Event(Event),
    Serving(String),
}

impl Open {
    async fn next(&mut self) -> Option<News> {
        let patience = if self.serving.is_some() { serving::EVERY } else { ADMITTED };
        loop {
            let state = &self.counted.0;
            if let Some(models) = self.serving.as_mut().and_then(|told| told.news(state)) {
                return Some(News::Serving(models));
            }
            if let Some(event) = self.read.pop_front() {
                return Some(News::Event(event));
            }
            let mut events = std::pin::pin!(self.follower.next());
            let events = loop {
                if self.admitted.elapsed() >= ADMITTED {
                    if !state.access.still_admits(self.caller.as_ref()).await {
                        return None;
                    }
                    self.admitted = clock::monotonic();
                }
                tokio::select! {
                    events = &mut events => break events,
                    () = state.closing.cancelled() => return None,
                    () = tokio::time::sleep(patience) => {}
                }
                if let Some(models) = self.serving.as_mut().and_then(|told| told.news(state)) {
                    return Some(News::Serving(models));
                }
            };
            match events {
                Ok(events) => self.read.extend(events?),
                Err(error) => {
                    // The client comes again with the last id that it saw.
                    tracing::error!(%error, "a stream of events is cut");
                    return None;
                }
            }
        }
    }
}

/// Counts an open stream.
struct Counted(AppState);

impl Counted {
    fn new(state: AppState) -> Self {
        state.metrics.streams.inc();
        Self(state)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.metrics.streams.dec();
    }
}

fn told(event: &Event, names_job: bool) -> sse::Event {
    let mut data = event.data.to_string();
    if names_job && data.starts_with('{') {
        let rest = if data.len() > 2 { "," } else { "" };
        let (job, time) = (event.job, json!(Time(event.time)));
        data.replace_range(..1, &format!("{{\"job\":\"{job}\",\"time\":{time}{rest}"));
    }
    sse::Event::default().id(event.id.to_string()).event(event.kind.word()).data(data)
}
