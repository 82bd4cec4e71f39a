//! Lists: a page of them, and where the next one begins.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::extract::{Limit, from_text};
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

/// Which page of a list.
#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct PageQuery {
    /// How many, by default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "from_text")]
    pub(crate) limit: Option<Limit>,
    /// The cursor of a page before.
    pub(crate) after: Option<String>,
}

/// Where something stands in a list that is short enough to be read whole: by its age, then by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) age: (i64, i64),
    pub(crate) name: String,
}

impl Place {
    pub(crate) fn new(major: impl TryInto<i64>, minor: impl TryInto<i64>, name: &str) -> Self {
        let age = (major.try_into().unwrap_or(i64::MAX), minor.try_into().unwrap_or(i64::MAX));
        Self { age, name: name.to_owned() }
    }

    /// Newest first; those of an age by their names.
    fn before(&self, other: &Self) -> std::cmp::Ordering {
        other.age.cmp(&self.age).then_with(|| self.name.cmp(&other.name))
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.age.0, self.age.1, self.name)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let mut number = || parts.next()?.parse().ok();
        let age = number().zip(number()).ok_or(())?;
        Ok(Self { age, name: parts.next().ok_or(())?.to_owned() })
    }
}

impl<T> Page<T> {
    /// The page that is asked for, of a list that was read whole.
    pub(crate) fn cut<R>(
        all: Vec<R>,
        query: &PageQuery,
        place: impl Fn(&R) -> Place,
        view: impl FnMut(R) -> T,
    ) -> Result<Self, Problem> {
        let after = cursor::<Place>(query.after.as_deref())?;
        let mut placed: Vec<(Place, R)> = all.into_iter().map(|item| (place(&item), item)).collect();
        placed.retain(|(place, _)| after.as_ref().is_none_or(|after| after.before(place).is_lt()));
        placed.sort_by(|(one, _), (other, _)| one.before(other));
        let limit = query.limit.unwrap_or_default().0 as usize;
        let next = (placed.len() > limit).then(|| placed[limit - 1].0.to_string());
        let data = placed.into_iter().take(limit).map(|(_, item)| item).map(view).collect();
        Ok(Self { data, next })
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

#[test]
fn pages_of_a_short_list_hold_each_item_once_newest_first() {
    let all = || vec![(1, "b"), (3, "x"), (1, "a"), (2, "c.d")];
    let page = |after: Option<String>| {
        let query = PageQuery { limit: Some(Limit(1)), after };
        Page::cut(all(), &query, |item| Place::new(item.0, 0, item.1), |item| item).unwrap()
    };
    let (mut seen, mut next) = (Vec::new(), None);
    loop {
        let one = page(next);
        seen.extend(one.data);
        next = one.next;
        if next.is_none() {
            break;
        }
    }
    assert_eq!(seen, [(3, "x"), (2, "c.d"), (1, "a"), (1, "b")]);
    assert!("1.2".parse::<Place>().is_err() && "a.b.c".parse::<Place>().is_err());
}
