//! Requests that are repeated safely: the same key and body have the same answer and make one object. The store keeps
//! the answer in the object's own transaction; here a request waits for one of its key that came before it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::extract::FromRequestParts;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::response::Response;
use tokio::sync::OwnedMutexGuard;

use super::AppState;
use super::access::Caller;
use super::problem::{Kind, Problem};
use crate::store::{Answer, Idempotency};

/// The `Idempotency-Key` of a request that creates, within the scope of its caller.
pub(crate) struct IdempotencyKey {
    key: Option<String>,
    caller: String,
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        const NAME: HeaderName = HeaderName::from_static("idempotency-key");
        let caller =
            parts.extensions.get::<Caller>().map_or_else(String::new, |caller| caller.key.name.clone());
        let Some(key) = parts.headers.get(NAME) else { return Ok(Self { key: None, caller }) };
        match key.to_str() {
            Ok(key) if (1..=255).contains(&key.len()) => Ok(Self { key: Some(key.to_owned()), caller }),
            _ => Err(Problem::new(
                Kind::BadRequest,
                "an idempotency-key has 1 to 255 printable ASCII characters",
            )),
        }
    }
}

/// Keys whose request is being answered.
#[derive(Default)]
pub(crate) struct InFlight(Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>);

impl InFlight {
    async fn enter(&self, key: String) -> OwnedMutexGuard<()> {
        let turn = {
            let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            keys.retain(|_, turn| turn.strong_count() > 0);
            let turn = keys.get(&key).and_then(Weak::upgrade).unwrap_or_default();
            keys.insert(key, Arc::downgrade(&turn));
            turn
        };
        turn.lock_owned().await
    }
}

/// Whose turn it is.
pub(crate) enum Turn {
    /// The answer that the key had before, whatever has become of what was made.
    Answered(Answer),
    /// This request's; the next one of the key waits for as long as this is held.
    Own(#[expect(dead_code, reason = "it is held")] Option<OwnedMutexGuard<()>>),
}

impl IdempotencyKey {
    /// Who asks, where callers have keys.
    pub(crate) fn caller(&self) -> Option<String> {
        Some(self.caller.clone()).filter(|caller| !caller.is_empty())
    }

    /// Waits for a request of the same key that is under way.
    pub(crate) async fn turn(
        &self,
        state: &AppState,
        scope: &str,
        digest: &[u8; 32],
    ) -> Result<Turn, Problem> {
        let Some(key) = &self.key else { return Ok(Turn::Own(None)) };
        let scope = self.scope(scope);
        let turn = state.in_flight.enter(format!("{scope}\n{key}")).await;
        Ok(match state.store.kept_answer(&scope, key, digest).await? {
            Some(answer) => Turn::Answered(answer),
            None => Turn::Own(Some(turn)),
        })
    }

    /// What the store keeps for the key: the answer that `render` writes, for this route and this content.
    pub(crate) fn keep<T>(
        &self,
        scope: &str,
        digest: [u8; 32],
        render: impl Fn(&T) -> Answer + Send + Sync + 'static,
    ) -> Option<Idempotency<T>> {
        let scope = self.scope(scope);
        self.key.clone().map(|key| Idempotency { scope, key, digest, render: Arc::new(render) })
    }

    /// A route's keys of one caller.
    fn scope(&self, route: &str) -> String {
        if self.caller.is_empty() { route.to_owned() } else { format!("{route} {}", self.caller) }
    }
}

/// An answer as it was given before.
pub(crate) fn repeated(answer: Answer) -> Result<Response, Problem> {
    let mut response =
        Response::builder().status(answer.status).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    response.body(answer.body.into()).map_err(Problem::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn requests_of_one_key_go_one_behind_the_other() {
        let keys = InFlight::default();
        let first = keys.enter("a".into()).await;
        let other = keys.enter("b".into()).await;
        let waiting = tokio::time::timeout(std::time::Duration::from_millis(20), keys.enter("a".into()));
        assert!(waiting.await.is_err());
        drop(first);
        drop(keys.enter("a".into()).await);
        drop(other);
        drop(keys.enter("c".into()).await);
        assert_eq!(keys.0.lock().unwrap().len(), 1, "what is over is forgotten");
    }
}
