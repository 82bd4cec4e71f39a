//! The session of a browser, which signs in with a key since its streams of events can show none.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderValue};
use axum::http::{Extensions, HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::clock;
use crate::http::access::Caller;
use crate::http::audit::Asker;
use crate::http::connection::Peer;
use crate::http::extract::{Nothing, Query, Short};
use crate::http::openapi::{ScopeSchema, SignInSchema, Time};
use crate::http::session;
use crate::http::{AppState, Problem};
use crate::store::Scope;

/// What is told of a session is for nobody's cache.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// Who is asking.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionView {
    /// The key's name; `null` where the server has no keys, and whoever asks may do everything.
    #[schema(required, example = "ci")]
    key: Option<String>,
    #[schema(value_type = Vec<ScopeSchema>)]
    scopes: Vec<Scope>,
    /// When the session ends, or the key that was shown.
    #[schema(required)]
    expires_at: Option<Time>,
    /// What a change by cookie shows in the header `x-csrf-token`; `null` where no cookie was shown.
    #[schema(required)]
    csrf_token: Option<String>,
}

impl SessionView {
    fn of(caller: Caller) -> Self {
        let (expires_at, csrf_token) = match caller.session {
            Some(session) => (Some(session.expires_at), Some(session.csrf_token)),
            None => (caller.key.expires_at, None),
        };
        let expires_at = expires_at.map(Time);
        Self { key: Some(caller.key.name), scopes: caller.key.scopes, expires_at, csrf_token }
    }

    /// Of a server without keys.
    fn of_everybody() -> Self {
        Self { key: None, scopes: vec![Scope::Admin], expires_at: None, csrf_token: None }
    }
}

crate::record! {
    /// What a browser signs in with.
    pub(crate) struct SignIn {
        /// The secret of a key.
        pub key: String,
    }
}

/// Tells who is asking.
#[utoipa::path(
    get, path = "/v1/session", tag = "session", operation_id = "show_session",
    responses((status = 200, description = "The key that was shown, or that the session was begun with.", body = SessionView))
)]
pub(crate) async fn show(_: Query<Nothing>, request: Request) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let view = caller.map_or_else(SessionView::of_everybody, SessionView::of);
    ([(header::CACHE_CONTROL, NO_STORE)], Json(view)).into_response()
}

/// Signs a browser in.
///
/// The answer sets a cookie that no script can read and that is sent to this server alone. A change by cookie shows the
/// session's `csrf_token` in the header `x-csrf-token`. The session ends with its key.
#[utoipa::path(
    post, path = "/v1/session", tag = "session", operation_id = "sign_in",
    request_body(content = SignInSchema, description = "The key."),
    responses((
        status = 201, description = "The session.", body = SessionView,
        headers(("set-cookie" = String, description = "The cookie: `HttpOnly`, `SameSite=Strict`, and `Secure` over TLS."))
    )),
    extensions(("x-problems" = json!({"409": "The server has no keys."})))
)]
pub(crate) async fn sign_in(
    State(state): State<AppState>,
    _: Query<Nothing>,
    headers: HeaderMap,
    extensions: Extensions,
    Short(body): Short<SignIn>,
) -> Result<Response, Problem> {
    let secure = Peer::is_secure(&extensions, &headers);
    let seconds = state.config.access.session_seconds;
    let (caller, secret) = state.access.sign_in(&body.key, seconds).await?;
    if let Some(asker) = extensions.get::<Asker>() {
        asker.is(&caller);
    }
    let end = caller.session.as_ref().map_or(0, |session| session.expires_at);
    let cookie = session::keep(&secret, (end - clock::now_us()).max(0) / 1_000_000, secure);
    let head = [(header::SET_COOKIE, cookie), (header::CACHE_CONTROL, NO_STORE)];
    Ok((StatusCode::CREATED, head, Json(SessionView::of(caller))).into_response())
}

/// Signs a browser out.
///
/// Where no cookie is shown, nothing changes.
#[utoipa::path(
    delete, path = "/v1/session", tag = "session", operation_id = "sign_out",
    responses((
        status = 204, description = "The session has ended.",
        headers(("set-cookie" = String, description = "Has the browser forget the cookie."))
    ))
)]
pub(crate) async fn sign_out(
    State(state): State<AppState>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    let secure = Peer::is_secure(request.extensions(), request.headers());
    let session = request.extensions().get::<Caller>().and_then(|caller| caller.session.clone());
    if let Some(session) = session {
        state.access.sign_out(&session).await?;
    }
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, session::forget(secure))]).into_response())
}
