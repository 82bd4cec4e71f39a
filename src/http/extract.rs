//! How the parts of a request are read: strictly, and with what is wrong named.

use std::fmt;
use std::str::FromStr;

use axum::RequestPartsExt;
use axum::body::Bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::Deserialize;
use serde::de::{self, DeserializeOwned, Deserializer};
use serde_json::Value;
use utoipa::IntoParams;
use utoipa::openapi::path::ParameterIn;

use super::AppState;
use super::body;
use super::problem::{Kind, Problem};
use crate::spec::field::did_you_mean;
use crate::spec::{Field, Pointer, SpecErrors};

/// The query of a request. What the route does not document is refused.
pub(crate) struct Query<T>(pub T);

impl<T: DeserializeOwned + IntoParams, S: Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong = |detail: String| Problem::new(Kind::BadQuery, detail);
        if parts.uri.query().is_some_and(|query| !query.is_empty()) {
            check_names::<T>(&parts.uri).map_err(wrong)?;
        }
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri);
        query.map(|axum::extract::Query(read)| Self(read)).map_err(|error| {
            let text = error.body_text();
            wrong(text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text).to_owned())
        })
    }
}

/// Each parameter is one that the route knows, and comes once.
fn check_names<T: IntoParams>(uri: &Uri) -> Result<(), String> {
    let query = axum::extract::Query::<Vec<(String, String)>>::try_from_uri(uri);
    let axum::extract::Query(given) = query.map_err(|error| error.body_text())?;
    let known: Vec<String> =
        T::into_params(|| Some(ParameterIn::Query)).into_iter().map(|p| p.name).collect();
    for (index, (name, _)) in given.iter().enumerate() {
        if !known.contains(name) {
            return Err(unknown_parameter(name, &known));
        }
        if given[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(format!("\"{name}\" is given twice"));
        }
    }
    Ok(())
}

fn unknown_parameter(name: &str, known: &[String]) -> String {
    let shown: String = name.chars().take(64).collect();
    if known.is_empty() {
        return format!("\"{shown}\" is not a query parameter of this resource; it takes none");
    }
    let hint = did_you_mean(name, known.iter().map(String::as_str));
    let hint = if hint.is_empty() { format!("; it takes {}", known.join(", ")) } else { hint };
    format!("\"{shown}\" is not a query parameter of this resource{hint}")
}

/// For routes without parameters: whatever the query holds is refused.
#[derive(Deserialize, IntoParams)]
pub(crate) struct Nothing {}

/// The parameters of the path. What has not the form of an id, a name or a version names nothing.
pub(crate) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send + 'static, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extract::<axum::extract::Path<T>>().await {
            Ok(axum::extract::Path(read)) => Ok(Self(read)),
            Err(PathRejection::FailedToDeserializePathParams(_)) => {
                Err(Problem::new(Kind::NotFound, "no resource has this address"))
            }
            Err(error) => Err(Problem::internal(error)),
        }
    }
}

/// A JSON body, together with its text as it was sent.
pub(crate) struct Posted {
    pub(crate) text: Bytes,
    pub(crate) value: Value,
}

impl FromRequest<AppState> for Posted {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        Self::within(request, state, state.config.http.json_body_bytes).await
    }
}

impl Posted {
    async fn within(request: Request, state: &AppState, most: u64) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let limits = &state.config.http;
        let text = body::read(&parts.headers, body, most, limits).await?;
        if !text.is_empty() {
            body::expect_media_type(&parts.headers, &["application/json"])?;
        }
        // What is read takes many times the room of its text, and so is read by turns.
        let turn = state.reading.acquire();
        let _turn = if text.len() >= body::LONG { turn.await.ok() } else { None };
        let value = body::json(text.clone(), limits).await?;
        Ok(Self { text, value })
    }
}

/// A JSON body as it stands.
pub(crate) struct Json(pub Value);

impl FromRequest<AppState> for Json {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        Posted::from_request(request, state).await.map(|posted| Self(posted.value))
    }
}

/// A JSON body as one of `spec`'s records.
pub(crate) struct Body<T>(pub T);

impl<T: Field> FromRequest<AppState> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        let Json(value) = Json::from_request(request, state).await?;
        record(&value).map(Self)
    }
}

/// A short JSON body as one of `spec`'s records, for routes that anybody may call: nobody who shows no key makes the
/// server take much.
pub(crate) struct Short<T>(pub T);

impl<T: Field> FromRequest<AppState> for Short<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, Problem> {
        const MOST: u64 = 4 << 10;
        let posted = Posted::within(request, state, MOST).await?;
        record(&posted.value).map(Self)
    }
}

/// One of `spec`'s records from a body.
pub(crate) fn record<T: Field>(value: &Value) -> Result<T, Problem> {
    let mut errors = SpecErrors::new();
    let read = T::read(value, &Pointer::root(), &mut errors);
    errors.into_result(read).map_err(Problem::from)
}

/// Reads a field of a query from its text, for `#[serde(deserialize_with)]`.
pub(crate) fn from_text<'de, D: Deserializer<'de>, T: FromStr>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T::Err: fmt::Display,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map(Some).map_err(de::Error::custom)
}

/// `limit` of a list: 1 to 1,000, by default 50.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limit(pub u32);

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl FromStr for Limit {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let limit = text.parse().ok().filter(|limit| (1..=1000).contains(limit));
        limit.map(Self).ok_or("must be a whole number from 1 to 1000")
    }
}
