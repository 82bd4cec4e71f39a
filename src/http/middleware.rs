//! What surrounds every request: its ids, its span, its guard, its count, and the one form of failures.

use std::panic::AssertUnwindSafe;

use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::{MatchedPath, Request};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode, Version};
use axum::response::{IntoResponse, Response};
use futures::FutureExt;
use tower::ServiceExt as _;
use tracing::Instrument;
use uuid::Uuid;

use super::AppState;
use super::access::masked;
use super::admission::{self, Place};
use super::audit::{Entry, Refused};
use super::body;
use super::problem::{Form, Kind, Problem};
use crate::clock;
use crate::telemetry::{Span, TraceContext};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What a request is called: by this server, and by its client where that says.
#[derive(Clone)]
pub(super) struct RequestIds {
    pub(super) instance: Uuid,
    pub(super) id: String,
}

/// What is around the routes: gives a request its ids, guards it, counts it, and tells every failure as a problem.
pub(super) async fn frame(state: &AppState, routes: Router, mut request: Request) -> Response {
    let started = clock::monotonic();
    let instance = Uuid::now_v7();
    let request_id = client_id(request.headers()).unwrap_or_else(|| instance.to_string());
    let method = request.method().clone();
    let form = Form::of(request.uri().path());
    let parent = trace_parent(request.headers());
    let trace = parent.map_or_else(|| TraceContext::root(instance), |parent| parent.child(instance));
    request.extensions_mut().insert(trace);
    request.extensions_mut().insert(RequestIds { instance, id: request_id.clone() });
    let began = state.traces.is_on().then(clock::now_us);
    let entry = Entry::begin(state, &mut request, &request_id);
    let span = tracing::info_span!(
        "request",
        %instance,
        request_id,
        method = %method,
        path = &*masked(request.uri().path()),
        trace = trace.trace_id(),
    );

    let response = async {
        // A stream of HTTP/2 ends by itself.
        let has_body = !request.body().is_end_stream() && request.version() < Version::HTTP_2;
        let response = match guard(&request, state).and_then(|()| admit(&request, state)) {
            Ok(_place) => match AssertUnwindSafe(routes.oneshot(request)).catch_unwind().await {
                Ok(Ok(response)) => response,
                // The panic hook has logged what happened, and where.
                Err(_) => Problem::internal("a panic").into_response(),
            },
            Err(problem) => {
                let foreign = problem.kind == Kind::Forbidden;
                let mut response = unread(problem, has_body);
                if foreign {
                    response.extensions_mut().insert(Refused);
                }
                response
            }
        };
        admission::hold_back(response.extensions().get::<Problem>().and_then(|problem| problem.refusal))
            .await;
        tell(state, response, &method, form, (instance, &request_id))
    }
    .instrument(span.clone())
    .await;

    let seconds = started.elapsed().as_secs_f64();
    let route = response.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    state.metrics.request(method.as_str(), route, response.status().as_u16(), seconds);
    if let Some(began) = began {
        let status = response.status();
        let name = format!("{method} {}", route.unwrap_or("none"));
        let error = status.is_server_error().then(|| status.to_string());
        let attributes = vec![
            ("http.request.method", method.to_string()),
            ("http.route", route.unwrap_or("none").to_owned()),
            ("http.response.status_code", status.as_u16().to_string()),
            ("lyceum.request_id", request_id.clone()),
        ];
        let ended = clock::now_us();
        let (context, answers) = (trace, true);
        state.traces.tell(Span { name, context, parent, answers, began, ended, attributes, error });
    }
    if let Some(entry) = entry {
        let refused = response.extensions().get::<Refused>().is_some();
        entry.end(response.status().as_u16(), route.is_some(), refused).await;
    }
    span.in_scope(|| tracing::debug!(status = response.status().as_u16(), seconds, "answered"));
    response
}

/// Puts a response into its final form.
fn tell(
    state: &AppState,
    mut response: Response,
    method: &Method,
    form: Form,
    (instance, request_id): (Uuid, &str),
) -> Response {
    if let Some(allow) = response.headers_mut().get_mut(header::ALLOW)
        && let Ok(methods) = allow.to_str()
        && let Ok(with_options) = format!("{},OPTIONS", methods.replace(' ', "")).parse()
    {
        *allow = with_options;
    }
    let status = response.status();
    let mut response = if status == StatusCode::METHOD_NOT_ALLOWED && method == Method::OPTIONS {
        let mut answer = StatusCode::NO_CONTENT.into_response();
        if let Some(allow) = response.headers().get(header::ALLOW) {
            answer.headers_mut().insert(header::ALLOW, allow.clone());
        }
        answer
    } else if status.is_client_error() || status.is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| unexplained(status));
        problem.log();
        if let Some(refusal) = problem.refusal {
            state.figures.refused.with_label_values(&[refusal]).inc();
        }
        let headers = response.headers().clone();
        let mut answer = match form {
            Form::Problem => problem.render(instance, request_id, headers),
            Form::Protocol => problem.render_for_protocol(headers),
        };
        *answer.extensions_mut() = std::mem::take(response.extensions_mut());
        answer
    } else {
        response
    };
    if let Ok(id) = HeaderValue::from_str(request_id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if method == Method::HEAD {
        if let Some(length) = response.body().size_hint().exact() {
            response.headers_mut().entry(header::CONTENT_LENGTH).or_insert(length.into());
        }
        *response.body_mut() = Body::empty();
    }
    response
}

/// A failure that the framework answered by itself.
fn unexplained(status: StatusCode) -> Problem {
    let kind = Kind::of_status(status);
    let detail = match kind {
        Kind::NotFound => "no resource has this address",
        Kind::MethodNotAllowed => "the resource takes other methods; \"allow\" lists them",
        _ => kind.title(),
    };
    Problem::new(kind, detail)
}

fn client_id(headers: &HeaderMap) -> Option<String> {
    let id = headers.get(REQUEST_ID)?.to_str().ok()?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=128).contains(&id.len()) && id.bytes().all(allowed)).then(|| id.to_owned())
}

/// What the request is a part of, by `traceparent` (W3C Trace Context).
fn trace_parent(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get("traceparent")?.to_str().ok()?.parse().ok()
}

/// What is refused before any route sees it.
fn guard(request: &Request, state: &AppState) -> Result<(), Problem> {
    if request.uri().path_and_query().is_some_and(|uri| uri.as_str().len() > state.config.http.uri_bytes) {
        let detail = format!("an address has at most {} bytes", state.config.http.uri_bytes);
        return Err(Problem::new(Kind::UriTooLong, detail));
    }
    if !state.access.is_closed() {
        own_machine_alone(request)?;
    }
    media_type_told(request)
}

/// The answer to a request that nobody reads. Its body would stand in the way of the next one, so that the connection ends.
fn unread(refused: Problem, has_body: bool) -> Response {
    let mut response = refused.into_response();
    if has_body {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// A place among the requests that are answered at once. Who looks after the server needs none, or it would be taken for
/// dead when it has most to do.
fn admit(request: &Request, state: &AppState) -> Result<Option<Place>, Problem> {
    if matches!(request.uri().path(), "/healthz" | "/readyz" | "/metrics") {
        return Ok(None);
    }
    state.admission.admit().map(Some)
}

/// A server without keys is for this machine alone: a web page that the user happens to visit must not reach it,
/// neither by a name that resolves to this machine nor from its own origin.
fn own_machine_alone(request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let host = match request.uri().authority() {
        Some(authority) => Some(authority.as_str()),
        None => headers.get(header::HOST).and_then(|host| host.to_str().ok()),
    };
    match host {
        Some(host) if is_loopback(host) => {}
        Some(_) => {
            return Err(Problem::new(
                Kind::Forbidden,
                "a server without keys answers to the names of its own machine alone: localhost, 127.0.0.1, [::1]",
            ));
        }
        None if request.version() >= Version::HTTP_11 => {
            return Err(Problem::new(Kind::BadRequest, "the request needs a host header"));
        }
        None => {}
    }
    if let Some(origin) = headers.get(header::ORIGIN) {
        let own = origin
            .to_str()
            .ok()
            .and_then(|origin| origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://")))
            .is_some_and(|origin| host.is_some_and(|host| origin.eq_ignore_ascii_case(host)));
        if !own {
            return Err(Problem::new(
                Kind::Forbidden,
                "a server without keys takes nothing from other origins",
            ));
        }
    }
    Ok(())
}

/// Whether the host of an authority is this machine.
fn is_loopback(authority: &str) -> bool {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok_and(|address| address.is_loopback());
    }
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a body comes, as far as it is known. In HTTP/2 one that tells no length may turn out to be none.
fn has_body(request: &Request) -> bool {
    match request.body().size_hint().exact() {
        Some(length) => length > 0,
        None => !request.body().is_end_stream() && request.version() < Version::HTTP_2,
    }
}

/// A body under `/v1` says what it is: what a form of a web page can send unasked is refused that way.
fn media_type_told(request: &Request) -> Result<(), Problem> {
    let has_body = has_body(request);
    let changes = matches!(*request.method(), Method::POST | Method::PUT | Method::PATCH);
    let under_v1 = request.uri().path().starts_with("/v1/");
    if changes && under_v1 && has_body && body::media_type(request.headers()).is_none() {
        return Err(Problem::new(Kind::MediaType, "the body needs a content-type"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_known() {
        for own in ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.9.9.9", "[::1]", "[::1]:80"] {
            assert!(is_loopback(own), "{own}");
        }
        for foreign in
            ["example.org", "localhost.example.org", "10.0.0.1:80", "[::2]", "", "127.0.0.1.nip.io", "::1"]
        {
            assert!(!is_loopback(foreign), "{foreign}");
        }
    }

    #[test]
    fn ids_and_traces_of_the_wrong_form_are_dropped() {
        let mut headers = HeaderMap::new();
        headers.insert("x-request-id", "a b".parse().unwrap());
        headers.insert("traceparent", "00-nothing".parse().unwrap());
        assert_eq!((client_id(&headers), trace_parent(&headers)), (None, None));
        headers.insert("x-request-id", "a.b-c_1".parse().unwrap());
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        headers.insert("traceparent", parent.parse().unwrap());
        assert_eq!(client_id(&headers).as_deref(), Some("a.b-c_1"));
        assert_eq!(trace_parent(&headers).unwrap().to_string(), parent);
    }
}
