//! What each route asks of its caller, and the layer that asks it.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::access::Needs;
use super::audit::Refused;
use super::connection::Peer;
use super::{AppState, Kind, session};
use crate::dashboard;
use crate::store::Scope;

/// Nothing is asked by those that only say that the server is there, by the dashboard's pages, which hold nothing, and
/// by signing in.
fn needed(method: &Method, route: &str) -> Option<Needs> {
    let scope = match route {
        "/healthz" | "/readyz" | "/openapi.yaml" | "/v2" | "/v2/health/live" | "/v2/health/ready" => {
            return None;
        }
        _ if route.starts_with("/docs") || route.starts_with("/assets/") => return None,
        _ if dashboard::PAGES.contains(&route) => return None,
        "/v1/session" if method == Method::POST => return None,
        "/v1/session" => return Some(Needs::Known),
        _ if route.starts_with("/v1/keys") => Scope::Admin,
        _ if route.ends_with("/predict") || route.ends_with("/evaluate") => Scope::Infer,
        // Its clients know nothing but calls; what they load and unload changes no answer.
        _ if route.starts_with("/v2/") => Scope::Infer,
        "/v1/plans" => Scope::Read,
        _ if method.is_safe() => Scope::Read,
        _ => Scope::Train,
    };
    Some(Needs::Scope(scope))
}

/// The layer around each route: asks for what the route needs, and tells the frame which route answered.
pub(super) async fn authorise(
    State(state): State<AppState>,
    route: Option<MatchedPath>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = admitted(&state, route.as_ref(), request, next).await;
    if let Some(route) = route {
        response.extensions_mut().insert(route);
    }
    response
}

/// Asks every caller for a key, or for a session that was begun with one, where there are keys.
async fn admitted(
    state: &AppState,
    route: Option<&MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(needs) = route.and_then(|route| needed(request.method(), route.as_str())) else {
        return next.run(request).await;
    };
    if !state.access.is_closed() {
        return next.run(request).await;
    }
    let (method, headers) = (request.method().clone(), request.headers());
    match state.access.admit(&method, headers, needs, request.extensions().get()).await {
        Ok(caller) => {
            tracing::debug!(key = caller.key.name, "admitted");
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(problem) => {
            // A browser does not go on showing what is worth nothing.
            let over = problem.kind == Kind::Unauthorized && session::secret(headers).is_some();
            let secure = Peer::is_secure(request.extensions(), headers);
            let mut response = problem.into_response();
            response.extensions_mut().insert(Refused);
            if over {
                response.headers_mut().insert(header::SET_COOKIE, session::forget(secure));
            }
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_ask_for_what_they_do() {
        let needed = |method: &str, route: &str| needed(&method.parse().unwrap(), route);
        assert_eq!(needed("GET", "/healthz"), None);
        assert_eq!(needed("GET", "/docs/{file}"), None);
        assert_eq!(needed("GET", "/jobs/{id}"), None);
        assert_eq!(needed("GET", "/assets/{*path}"), None);
        assert_eq!(needed("POST", "/v1/session"), None);
        assert_eq!(needed("DELETE", "/v1/session"), Some(Needs::Known));
        for (method, route, scope) in [
            ("GET", "/v1/jobs/{id}", Scope::Read),
            ("GET", "/metrics", Scope::Read),
            ("POST", "/v1/plans", Scope::Read),
            ("POST", "/v1/jobs", Scope::Train),
            ("DELETE", "/v1/models/{name}/versions/{version}", Scope::Train),
            ("POST", "/v1/models/{name}/predict", Scope::Infer),
            ("GET", "/v2/models/{name}", Scope::Infer),
            ("POST", "/v2/repository/models/{name}/unload", Scope::Infer),
            ("GET", "/v1/keys", Scope::Admin),
        ] {
            assert_eq!(needed(method, route), Some(Needs::Scope(scope)), "{method} {route}");
        }
    }
}
