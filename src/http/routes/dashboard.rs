//! The dashboard's pages and files. They hold nothing that is anybody's, so that whoever comes may have them; what they
//! show they ask of the API.

use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;

use crate::dashboard::{self, Asset};
use crate::http::compressed::takes_gzip;
use crate::http::extract::{Nothing, Path, Query};
use crate::http::{AppState, Problem, etag};

const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");

/// Adds the pages. They are no calls of the API, and are not in its contract.
pub(crate) fn pages(router: OpenApiRouter<AppState>) -> OpenApiRouter<AppState> {
    let router = router.route("/assets/{*path}", axum::routing::get(file));
    dashboard::PAGES.iter().fold(router, |router, page| router.route(page, axum::routing::get(shell)))
}

async fn shell(headers: HeaderMap) -> Result<Response, Problem> {
    found(dashboard::SHELL, &headers)
}

async fn file(Path(path): Path<String>, _: Query<Nothing>, headers: HeaderMap) -> Result<Response, Problem> {
    found(&path, &headers)
}

fn found(path: &str, headers: &HeaderMap) -> Result<Response, Problem> {
    let asset = dashboard::asset(path).ok_or_else(|| Problem::not_found("such file"))?;
    // A weak tag, since it is that of the file whether it is sent compressed or not.
    let tag = format!("W/\"{}\"", asset.digest);
    let mut response = if etag::names(headers, header::IF_NONE_MATCH, &tag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        sent(asset, headers)
    };
    let head = response.headers_mut();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        head.insert(header::ETAG, tag);
    }
    for (name, value) in [
        // Asked for anew each time, which is cheap, so that a new server's pages are never mixed with an old one's.
        (header::CACHE_CONTROL, "no-cache"),
        (header::VARY, "accept-encoding"),
        (header::CONTENT_SECURITY_POLICY, dashboard::POLICY),
        (header::REFERRER_POLICY, "same-origin"),
        (OPENER_POLICY, "same-origin"),
    ] {
        head.insert(name, HeaderValue::from_static(value));
    }
    Ok(response)
}

fn sent(asset: &'static Asset, headers: &HeaderMap) -> Response {
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if takes_gzip(headers) {
        let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return ([kind, encoding], asset.gzip.as_slice()).into_response();
    }
    ([kind], &*asset.bytes).into_response()
}
