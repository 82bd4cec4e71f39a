//! How a browser carries its session: the cookie with the session's secret, which no script can read, and the token that
//! a change shows beside it, which no foreign page can know.

use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method};

use super::{Kind, Problem};
use crate::jobs::token;

pub(super) const COOKIE: &str = "lyceum_session";
const CSRF: HeaderName = HeaderName::from_static("x-csrf-token");

/// The secret of the session that the request belongs to.
pub(super) fn secret(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == COOKIE).map(|(_, secret)| secret.trim())
}

/// The token of a session. It follows from the secret, so that nothing more needs keeping.
pub(super) fn csrf_token(secret: &str) -> String {
    token::hex(&token::hash(format!("csrf {secret}")))
}

/// Whether a request by cookie may do what its method says: a foreign page may have a browser send the cookie, but not
/// the header.
pub(super) fn expect_token(method: &Method, headers: &HeaderMap, token: &str) -> Result<(), Problem> {
    if method.is_safe() {
        return Ok(());
    }
    let shown = headers.get(CSRF).map(HeaderValue::as_bytes).unwrap_or_default();
    // By their hashes, so that the time tells nothing of where the two differ.
    if token::equal(&token::hash(token), &token::hash(shown)) {
        return Ok(());
    }
    let detail = "a change by cookie shows the session's csrf_token in the header x-csrf-token; GET /v1/session tells it";
    Err(Problem::new(Kind::Forbidden, detail))
}

/// The header that has a browser keep the secret.
pub(super) fn keep(secret: &str, seconds: i64, secure: bool) -> HeaderValue {
    cookie(&format!("{secret}; Max-Age={seconds}"), secure)
}

/// The header that has a browser forget it.
pub(super) fn forget(secure: bool) -> HeaderValue {
    cookie("; Max-Age=0", secure)
}

fn cookie(value: &str, secure: bool) -> HeaderValue {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={value}; Path=/; HttpOnly; SameSite=Strict{secure}");
    let mut cookie = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    cookie.set_sensitive(true);
    cookie
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_found_among_other_cookies() {
        let mut headers = HeaderMap::new();
        assert_eq!(secret(&headers), None);
        headers.append(header::COOKIE, "theme=dark; not_lyceum_session=x".parse().unwrap());
        assert_eq!(secret(&headers), None);
        headers.append(header::COOKIE, "a=b; lyceum_session=abc; c".parse().unwrap());
        assert_eq!(secret(&headers), Some("abc"));
    }

    #[test]
    fn a_change_shows_the_token_and_a_look_does_not_need_it() {
        let token = csrf_token("secret");
        assert_ne!(token, csrf_token("secreT"));
        let mut headers = HeaderMap::new();
        assert!(expect_token(&Method::GET, &headers, &token).is_ok());
        assert!(expect_token(&Method::POST, &headers, &token).is_err());
        headers.insert(CSRF, "secret".parse().unwrap());
        assert!(expect_token(&Method::DELETE, &headers, &token).is_err());
        headers.insert(CSRF, token.parse().unwrap());
        assert!(expect_token(&Method::DELETE, &headers, &token).is_ok());
    }
}
