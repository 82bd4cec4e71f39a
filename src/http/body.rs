//! Request bodies: read within a limit and a pace, checked for their media type, and thrown away politely.

use std::cell::Cell;
use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::problem::{Kind, Problem};
use crate::{clock, config};

/// The body within `most` bytes. A longer one is read to its end (within reason) and dropped piece by piece, so
/// that a client that only listens after it has sent everything hears why it was refused.
pub(crate) async fn read(
    headers: &HeaderMap,
    body: Body,
    most: u64,
    limits: &config::Http,
) -> Result<Bytes, Problem> {
    let mut incoming = Incoming::new(headers, body, most, limits)?;
    // A short one comes in one piece, and is not copied.
    let Some(first) = incoming.next().await? else { return Ok(Bytes::new()) };
    let Some(second) = incoming.next().await? else { return Ok(first) };
    let mut read =
        Vec::with_capacity(usize::try_from(incoming.declared.unwrap_or(0).min(1 << 20)).unwrap_or(0));
    read.extend_from_slice(&first);
    read.extend_from_slice(&second);
    drop((first, second));
    while let Some(piece) = incoming.next().await? {
        read.extend_from_slice(&piece);
    }
    Ok(read.into())
}

/// A body as it comes in, piece by piece.
pub(crate) struct Incoming {
    body: Body,
    read: u64,
    most: u64,
    /// Its length, where its sender told it.
    pub declared: Option<u64>,
    /// Whether the client waits to be asked for the body, and so has sent none of it.
    waits: bool,
    pause: Duration,
    /// Fewest bytes a second, on the whole.
    pace: u64,
    /// How long the client was waited for.
    waited: Duration,
    discard: u64,
}

impl Incoming {
    pub(crate) fn new(
        headers: &HeaderMap,
        body: Body,
        most: u64,
        limits: &config::Http,
    ) -> Result<Self, Problem> {
        if let Some(encoding) = headers.get(header::CONTENT_ENCODING)
            && encoding.as_bytes() != b"identity"
        {
            return Err(Problem::new(Kind::MediaType, "the body must come without a content encoding"));
        }
        let declared = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok())
            .and_then(|length| length.parse().ok());
        Ok(Self {
            body,
            read: 0,
            most,
            declared,
            waits: headers.contains_key(header::EXPECT),
            pause: Duration::from_secs(limits.body_seconds),
            pace: limits.body_bytes_per_second,
            waited: Duration::ZERO,
            discard: limits.discard_bytes,
        })
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Problem> {
        if self.declared.is_some_and(|length| length > self.most) {
            self.throw_away().await;
            return Err(self.too_large());
        }
        // What is known to be whole is not waited for.
        if self.declared == Some(self.read) {
            return Ok(None);
        }
        let Some(piece) = self.frame().await? else { return Ok(None) };
        if self.read > self.most {
            self.throw_away().await;
            return Err(self.too_large());
        }
        Ok(Some(piece))
    }

    /// Reads and drops what is left, so that the answer reaches a client that is still sending.
    pub(crate) async fn throw_away(&mut self) {
        if self.waits && self.read == 0 {
            return;
        }
        let mut dropped = 0;
        while dropped < self.discard {
            match self.frame().await {
                Ok(Some(piece)) => dropped += piece.len() as u64,
                _ => return,
            }
        }
    }

    async fn frame(&mut self) -> Result<Option<Bytes>, Problem> {
        loop {
            let began = clock::monotonic();
            let frame = tokio::time::timeout(self.patience(), self.body.frame()).await;
            self.waited += began.elapsed();
            match frame {
                Err(_) => return Err(self.too_slow()),
                Ok(None) => return Ok(None),
                Ok(Some(Err(error))) => {
                    return Err(Problem::new(Kind::UnreadableBody, format!("the body broke off: {error}")));
                }
                Ok(Some(Ok(frame))) => {
                    if let Ok(piece) = frame.into_data() {
                        self.read += piece.len() as u64;
                        return Ok(Some(piece));
                    }
                }
            }
        }
    }

    /// How long the next piece may be waited for: a client that sends a byte now and then would hold its place for
    /// ever.
    fn patience(&self) -> Duration {
        let earned = match self.pace {
            0 => Duration::MAX,
            pace => Duration::from_secs(self.read / pace),
        };
        self.pause.min(self.pause.saturating_add(earned).saturating_sub(self.waited))
    }

    fn too_slow(&self) -> Problem {
        let detail = format!(
            "the body paused for more than {} s, or came at less than {} bytes a second",
            self.pause.as_secs(),
            self.pace
        );
        Problem::new(Kind::Slow, detail)
    }

    fn too_large(&self) -> Problem {
        Problem::new(
            Kind::TooLarge,
            format!("the body has more than {} bytes, the most that is taken here", self.most),
        )
    }
}

/// The media type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

/// Refuses a body whose media type is none of `taken`.
pub(crate) fn expect_media_type(headers: &HeaderMap, taken: &[&str]) -> Result<String, Problem> {
    let found = media_type(headers);
    match found {
        Some(found) if taken.contains(&found.as_str()) => Ok(found),
        Some(found) => Err(Problem::new(
            Kind::MediaType,
            format!(
                "the body must be {}, not {}",
                taken.join(" or "),
                found.chars().take(100).collect::<String>()
            ),
        )),
        None => Err(Problem::new(
            Kind::MediaType,
            format!("the body needs a content-type: {}", taken.join(" or ")),
        )),
    }
}

/// A longer text is parsed beside the threads that answer requests: what holds one of these up for a millisecond holds
/// up all who come meanwhile, since nobody looks at the sockets.
pub(crate) const LONG: usize = 16 << 10;

/// A body as JSON.
pub(crate) async fn json(text: Bytes, limits: &config::Http) -> Result<Value, Problem> {
    let most = limits.json_values;
    if text.len() < LONG {
        return parse_json(&text, most);
    }
    tokio::task::spawn_blocking(move || parse_json(&text, most)).await.map_err(Problem::internal)?
}

/// An answer as JSON, written beside the threads that answer requests where that takes long.
pub(crate) async fn json_answer(value: Value, long: bool) -> Result<Response, Problem> {
    if !long {
        return Ok(Json(value).into_response());
    }
    let write = move || Json(value).into_response();
    tokio::task::spawn_blocking(write).await.map_err(Problem::internal)
}

/// Text as JSON of at most so many values. Members that stand twice in an object are refused, since one of them would
/// be lost.
fn parse_json(text: &[u8], most: usize) -> Result<Value, Problem> {
    let unreadable = |detail: String| Problem::new(Kind::UnreadableBody, detail);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(unreadable("the body is empty where JSON is needed (line 1 column 1)".into()));
    }
    let left = Cell::new(most.saturating_add(1));
    let mut reader = serde_json::Deserializer::from_slice(text);
    let value =
        Strict { left: &left }.deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    value.map_err(|error| match left.get() {
        0 => Problem::new(
            Kind::TooLarge,
            format!("the body holds more than {most} values, the most that are taken"),
        ),
        _ => unreadable(format!("the body is not JSON: {error}")),
    })
}

/// Builds a value, and counts what it is made of.
#[derive(Clone, Copy)]
struct Strict<'a> {
    /// Values that may still come; 0 once there were too many.
    left: &'a Cell<usize>,
}

impl Strict<'_> {
    fn count<E: de::Error>(self) -> Result<(), E> {
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 { Err(E::custom("too many values")) } else { Ok(()) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.count()?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(self)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                let shown: String = name.chars().take(64).collect();
                return Err(de::Error::custom(format!("\"{shown}\" stands twice in one object")));
            }
            let value = members.next_value_seed(self)?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_json_is_refused_with_its_place() {
        let deep = "[".repeat(100_000);
        let cases: [&[u8]; 10] = [
            b"",
            b" \n",
            b"{\"a\": NaN}",
            b"{\"a\": 1e999}",
            b"{\"a\": \"\xff\"}",
            deep.as_bytes(),
            b"{} {}",
            b"{\"a\": 1, \"a\": 2}",
            b"{\"a\": \"\\ud800\"}",
            b"\xef\xbb\xbf{}",
        ];
        for case in cases {
            let problem = parse_json(case, 1_000).unwrap_err();
            assert_eq!(problem.kind, Kind::UnreadableBody);
            assert!(
                problem.detail.contains("line ") && problem.detail.contains("column "),
                "{}",
                problem.detail
            );
        }
    }

    #[test]
    fn json_is_read_as_it_stands() {
        let text = br#"{"b": [1, -2, 2.5, null, true, "x"], "a": {}}"#;
        assert_eq!(parse_json(text, 1_000).unwrap(), serde_json::from_slice::<Value>(text).unwrap());
    }

    #[test]
    fn values_are_counted() {
        let text = br#"{"a": [1, 2, {"b": null}]}"#;
        assert!(parse_json(text, 6).is_ok());
        assert_eq!(parse_json(text, 5).unwrap_err().kind, Kind::TooLarge);
    }

    #[test]
    fn media_types_are_told_without_parameters() {
        let mut headers = HeaderMap::new();
        assert_eq!(expect_media_type(&headers, &["application/json"]).unwrap_err().kind, Kind::MediaType);
        headers.insert(header::CONTENT_TYPE, "Application/JSON; charset=utf-8".parse().unwrap());
        assert_eq!(expect_media_type(&headers, &["application/json"]).unwrap(), "application/json");
    }
}
