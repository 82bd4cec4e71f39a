//! Answers that are the same for everybody: compressed once, and sent so to whom takes it.

use axum::http::HeaderMap;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse, Response};

use crate::dashboard::gzip;

/// A text that does not change while the server runs.
pub(crate) struct Document {
    plain: String,
    gzip: Vec<u8>,
    media_type: &'static str,
}

impl Document {
    pub(crate) fn new(media_type: &'static str, plain: String) -> Self {
        Self { gzip: gzip(plain.as_bytes()), plain, media_type }
    }

    /// The answer to a request with these headers.
    pub(crate) fn answer(&'static self, headers: &HeaderMap) -> Response {
        let kind = (header::CONTENT_TYPE, HeaderValue::from_static(self.media_type));
        let vary = (header::VARY, HeaderValue::from_static("accept-encoding"));
        if takes_gzip(headers) {
            let encoding = (header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            return ([kind, vary, encoding], self.gzip.as_slice()).into_response();
        }
        ([kind, vary], self.plain.as_str()).into_response()
    }
}

/// Whether gzip is among what the client takes, and not with a weight of nothing.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let given = headers.get(header::ACCEPT_ENCODING).and_then(|given| given.to_str().ok());
    given.unwrap_or_default().split(',').any(|given| {
        let mut parts = given.split(';').map(str::trim);
        parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"))
            && !parts.any(|weight| weight.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_whom_takes_it() {
        for (given, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip; q=0.0", false),
            ("identity", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, given.parse().unwrap());
            assert_eq!(takes_gzip(&headers), takes, "{given}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
