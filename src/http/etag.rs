//! Tags of what never changes, so that it is not sent again to whom has it.

use axum::http::HeaderMap;
use axum::http::header::HeaderName;

/// Whether a condition, such as `if-none-match`, names the tag.
pub(crate) fn names(headers: &HeaderMap, condition: HeaderName, tag: &str) -> bool {
    let given = headers.get(condition).and_then(|tags| tags.to_str().ok());
    given.is_some_and(|tags| tags.split(',').any(|given| given.trim() == tag))
}
