//! Every failure that a client may see: one table of kinds, and the one form (RFC 9457) in which they are told.

use axum::body::Body;
use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::spec::{SpecError, SpecErrors};

/// The table: kind, status, slug, title.
macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $status:ident, $slug:literal, $title:literal;)*) => {
        /// What went wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[doc = $doc])* $kind),* }

        impl Kind {
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            pub fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status),* }
            }

            pub fn slug(self) -> &'static str {
                match self { $(Self::$kind => $slug),* }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title),* }
            }
        }
    };
}

kinds! {
    BadRequest = BAD_REQUEST, "bad-request", "The request cannot be understood";
    BadQuery = BAD_REQUEST, "bad-query", "A query parameter is wrong";
    UnreadableBody = BAD_REQUEST, "unreadable-body", "The body cannot be read";
    Unauthorized = UNAUTHORIZED, "unauthorized", "Who is asking is not known";
    Forbidden = FORBIDDEN, "forbidden", "This is not allowed";
    NotFound = NOT_FOUND, "not-found", "There is nothing here";
    MethodNotAllowed = METHOD_NOT_ALLOWED, "method-not-allowed", "The method does not apply here";
    NotAcceptable = NOT_ACCEPTABLE, "not-acceptable", "The answer has no such form";
    Slow = REQUEST_TIMEOUT, "request-timeout", "The request took too long to arrive";
    Conflict = CONFLICT, "conflict", "The state does not allow it";
    TooLarge = PAYLOAD_TOO_LARGE, "body-too-large", "The body is too large";
    UriTooLong = URI_TOO_LONG, "uri-too-long", "The address is too long";
    MediaType = UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "The body has the wrong media type";
    Range = RANGE_NOT_SATISFIABLE, "range-not-satisfiable", "There are no such bytes";
    Invalid = UNPROCESSABLE_ENTITY, "invalid", "The body is understood but wrong";
    TooMany = TOO_MANY_REQUESTS, "too-many-requests", "There is too much to do";
    Internal = INTERNAL_SERVER_ERROR, "internal", "The server failed";
    Unavailable = SERVICE_UNAVAILABLE, "unavailable", "The server cannot do this now";
    StorageFull = INSUFFICIENT_STORAGE, "storage-full", "The server has no room left";
}

impl Kind {
    /// The kind of a status that the framework answered by itself.
    pub fn of_status(status: StatusCode) -> Self {
        match Self::ALL.iter().find(|kind| kind.status() == status) {
            Some(kind) => *kind,
            None if status.is_server_error() => Self::Internal,
            None => Self::BadRequest,
        }
    }
}

/// What there may be no room in.
pub(super) const REFUSALS: [&str; 10] = [
    "requests",
    "load",
    "long_work",
    "queue",
    "jobs_per_key",
    "streams",
    "uploads",
    "disk_budget",
    "disk",
    "model_queue",
];

/// The form in which failures are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// RFC 9457.
    Problem,
    /// The Open Inference Protocol's.
    Protocol,
}

impl Form {
    pub(super) fn of(path: &str) -> Self {
        if path == "/v2" || path.starts_with("/v2/") { Self::Protocol } else { Self::Problem }
    }
}

/// A failure on its way to the client. The request's ids are added, and the cause is logged, by the outermost layer.
#[derive(Clone, Debug)]
pub struct Problem {
    pub kind: Kind,
    pub detail: String,
    pub errors: Vec<SpecError>,
    /// Told to the log alone.
    pub cause: Option<String>,
    pub retry_after_seconds: Option<u64>,
    /// What there was no room in, one of [`REFUSALS`]; counted, not told.
    pub refusal: Option<&'static str>,
}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            detail: detail.into(),
            errors: Vec::new(),
            cause: None,
            retry_after_seconds: None,
            refusal: None,
        }
    }

    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("there is no {what}"))
    }

    /// A failure of the server's own: the client learns nothing of the inside.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut problem = Self::new(Kind::Internal, FIXED_DETAIL);
        problem.cause = Some(cause.to_string());
        problem
    }

    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        let mut problem = Self::new(Kind::Unavailable, detail);
        problem.retry_after_seconds = Some(retry_after_seconds);
        problem
    }

    /// There is no room now; somebody has to make some.
    pub fn storage_full(detail: impl Into<String>) -> Self {
        let mut problem = Self::new(Kind::StorageFull, detail);
        problem.retry_after_seconds = Some(60);
        problem
    }

    pub fn too_many(detail: impl Into<String>, retry_after_seconds: u64) -> Self {
        let mut problem = Self::new(Kind::TooMany, detail);
        problem.retry_after_seconds = Some(retry_after_seconds);
        problem
    }

    #[must_use]
    pub fn because(mut self, cause: impl std::fmt::Display) -> Self {
        self.cause = Some(cause.to_string());
        self
    }

    /// Has it counted among the refusals for want of room.
    #[must_use]
    pub(crate) fn for_want_of(mut self, what: &'static str) -> Self {
        self.refusal = Some(what);
        self
    }

    /// Tells the log what went wrong inside, which the client is not told.
    pub(super) fn log(&self) {
        if let Some(cause) = &self.cause {
            tracing::error!(cause, "the request failed: {}", self.kind.slug());
        }
    }

    /// The body, once the request's ids are known.
    pub fn body(&self, instance: Uuid, request_id: &str) -> ProblemBody {
        ProblemBody {
            r#type: format!("urn:lyceum:problem:{}", self.kind.slug()),
            title: self.kind.title().to_owned(),
            status: self.kind.status().as_u16(),
            detail: self.detail.clone(),
            instance: format!("urn:uuid:{instance}"),
            request_id: request_id.to_owned(),
            errors: self
                .errors
                .iter()
                .map(|error| Mistake { pointer: error.pointer.to_string(), detail: error.detail.clone() })
                .collect(),
        }
    }

    /// The whole answer; headers that the framework set (`allow`) stay.
    pub fn render(&self, instance: Uuid, request_id: &str, headers: HeaderMap) -> Response {
        let body = serde_json::to_vec(&self.body(instance, request_id)).unwrap_or_default();
        self.answer(self.kind.status(), PROBLEM_JSON, body, headers)
    }

    /// The whole answer in the form of the Open Inference Protocol, whose clients know one status for all that is wrong
    /// with a body.
    pub fn render_for_protocol(&self, headers: HeaderMap) -> Response {
        let mistakes = self.errors.iter().map(|error| format!("{}: {}", error.pointer, error.detail));
        let mistakes: Vec<String> = mistakes.collect();
        let error = if mistakes.is_empty() { self.detail.clone() } else { mistakes.join("; ") };
        let body = serde_json::to_vec(&serde_json::json!({"error": error})).unwrap_or_default();
        let status = match self.kind {
            Kind::Invalid => StatusCode::BAD_REQUEST,
            kind => kind.status(),
        };
        self.answer(status, "application/json", body, headers)
    }

    fn answer(
        &self,
        status: StatusCode,
        media: &'static str,
        body: Vec<u8>,
        mut headers: HeaderMap,
    ) -> Response {
        headers.remove(header::CONTENT_LENGTH);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.kind == Kind::Unauthorized {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

pub(crate) const PROBLEM_JSON: &str = "application/problem+json";
const FIXED_DETAIL: &str =
    "the server failed to answer; its log says more under the instance of this problem";

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.kind.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<SpecErrors> for Problem {
    fn from(errors: SpecErrors) -> Self {
        let detail = match errors.len() {
            1 => "the body has one mistake".into(),
            n => format!("the body has {n} mistakes"),
        };
        let mut problem = Self::new(Kind::Invalid, detail);
        problem.errors = errors.into_iter().collect();
        problem
    }
}

/// A problem (RFC 9457): what is answered to every request that fails.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem, example = json!({
    "type": "urn:lyceum:problem:invalid", "title": "The body is understood but wrong", "status": 422,
    "detail": "the body has one mistake", "instance": "urn:uuid:0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d",
    "request_id": "0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d",
    "errors": [{"pointer": "/training/model/layers/2/units", "detail": "must be a whole number from 1 to 1048576, not 0"}]
}))]
pub struct ProblemBody {
    /// The kind of problem.
    #[schema(example = "urn:lyceum:problem:not-found")]
    pub r#type: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub status: u16,
    /// What went wrong this time.
    pub detail: String,
    /// The server's own id of the request, `urn:uuid:…`.
    #[schema(example = "urn:uuid:0193a5a0-7c1e-7b3a-9d2f-0d3c7a1b2c3d")]
    pub instance: String,
    /// The id that the client gave the request in `x-request-id`, else the server's.
    pub request_id: String,
    /// Every mistake of a refused body.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    pub errors: Vec<Mistake>,
}

/// A mistake in a body.
#[derive(Debug, Serialize, ToSchema)]
pub struct Mistake {
    /// Where it stands (RFC 6901); empty for the whole body.
    #[schema(example = "/training/model/layers/2/units")]
    pub pointer: String,
    /// What is wrong there, and what to do about it.
    pub detail: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Pointer;

    #[test]
    fn slugs_are_distinct() {
        let mut slugs: Vec<&str> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
        slugs.sort_unstable();
        slugs.dedup();
        assert_eq!(slugs.len(), Kind::ALL.len());
    }

    #[test]
    fn a_refused_body_names_its_mistakes() {
        let errors = SpecErrors::of(&Pointer::root().key("seed"), "must be a whole number");
        let body = Problem::from(errors).body(Uuid::nil(), "abc");
        insta::assert_snapshot!(serde_json::to_string(&body).unwrap(), @r#"{"type":"urn:lyceum:problem:invalid","title":"The body is understood but wrong","status":422,"detail":"the body has one mistake","instance":"urn:uuid:00000000-0000-0000-0000-000000000000","request_id":"abc","errors":[{"pointer":"/seed","detail":"must be a whole number"}]}"#);
    }

    #[test]
    fn the_cause_stays_inside() {
        let problem = Problem::internal("disk on fire");
        assert!(!serde_json::to_string(&problem.body(Uuid::nil(), "a")).unwrap().contains("fire"));
    }
}
