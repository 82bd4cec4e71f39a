//! Lists: a page of them, and where the next one begins.

use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::{Kind, Problem};
use crate::store;

/// A page of a list, newest first.
#[derive(Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    /// The cursor of the next page, for `after`; `null` on the last one.
    #[schema(required)]
    pub(crate) next: Option<String>,
}

impl<T> Page<T> {
    /// What the store answers, as the API shows it.
    pub(crate) fn new<R, C: ToString>(page: store::Page<R, C>, view: impl FnMut(R) -> T) -> Self {
        Self { data: page.data.into_iter().map(view).collect(), next: page.next.map(|next| next.to_string()) }
    }
}

/// Reads `after`.
pub(crate) fn cursor<C: FromStr>(after: Option<&str>) -> Result<Option<C>, Problem> {
    let read = after.map(str::parse).transpose();
    read.map_err(|_| Problem::new(Kind::BadQuery, "after: is no cursor that a page of this list gave"))
}

/// A text as one segment of a path.
pub(crate) fn path_segment(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[test]
fn segments_are_escaped() {
    assert_eq!(path_segment("a b/ü.png"), "a%20b%2F%C3%BC.png");
}
