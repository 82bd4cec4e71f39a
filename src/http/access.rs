//! Who may do what. A server without keys serves its own machine alone; with keys, every caller shows one.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::idempotency::Caller;
use super::{AppState, Kind, Problem};
use crate::clock;
use crate::jobs::token;
use crate::store::{ApiKey, NewKey, Scope, Store, StoreError};

/// What keys begin with, so that one is known when it turns up where it should not.
const PREFIX: &str = "lyc_";

/// How long whoever shows a wrong key waits for the answer, and how many may wait.
const WRONG: Duration = Duration::from_millis(400);
const GUESSES: usize = 32;

/// A key's last use is noted at most so often.
const NOTED_US: i64 = 60_000_000;

/// The shortest secret that is taken from outside.
const LEAST_SECRET: usize = 32;

/// The keys of this server.
pub(crate) struct Access {
    store: Store,
    keys: RwLock<Arc<Vec<ApiKey>>>,
    guesses: Semaphore,
}

impl Access {
    pub(crate) async fn load(store: Store) -> Result<Self, StoreError> {
        let keys = RwLock::new(Arc::new(store.keys().await?));
        Ok(Self { store, keys, guesses: Semaphore::new(GUESSES) })
    }

    fn keys(&self) -> Arc<Vec<ApiKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reload(&self) -> Result<(), StoreError> {
        let keys = Arc::new(self.store.keys().await?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Whether callers need a key.
    pub(crate) fn is_closed(&self) -> bool {
        !self.keys().is_empty()
    }

    /// Makes a key and answers it with its secret, which nobody learns again.
    pub(crate) async fn create(
        &self,
        name: String,
        scopes: Vec<Scope>,
        expires_at: Option<i64>,
    ) -> Result<(ApiKey, String), Problem> {
        let (secret, _) = token::fresh().map_err(Problem::internal)?;
        let secret = format!("{PREFIX}{secret}");
        let new = NewKey { name, hash: token::hash(&secret), scopes, expires_at };
        let made = self.store.create_key(new).await?;
        self.reload().await?;
        Ok((made, secret))
    }

    pub(crate) async fn revoke(&self, name: &str) -> Result<(), Problem> {
        self.store.revoke_key(name).await?;
        Ok(self.reload().await?)
    }

    /// Takes the administrator's key from a file, where it is not there yet.
    pub(crate) async fn adopt(&self, secret: &str) -> Result<(), String> {
        if secret.len() < LEAST_SECRET || !secret.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(format!(
                "the administrator's key must be {LEAST_SECRET} printable characters or more"
            ));
        }
        let hash = token::hash(secret);
        if self.keys().iter().any(|key| token::equal(&key.hash, &hash)) {
            return Ok(());
        }
        let failed = |error: StoreError| error.to_string();
        let taken = self.keys().iter().filter(|key| key.name.starts_with("admin")).count();
        let name = if taken == 0 { "admin".to_owned() } else { format!("admin-{}", taken + 1) };
        let new = NewKey { name, hash, scopes: vec![Scope::Admin], expires_at: None };
        self.store.create_key(new).await.map_err(failed)?;
        self.reload().await.map_err(failed)
    }

    /// The key that a secret belongs to. Every key is compared, and each in full, so that the time tells nothing.
    fn find(&self, secret: &str) -> Option<ApiKey> {
        let (hash, now) = (token::hash(secret), clock::now_us());
        let mut found = None;
        for key in self.keys().iter() {
            if token::equal(&key.hash, &hash) && key.expires_at.is_none_or(|end| end > now) {
                found = Some(key.clone());
            }
        }
        found
    }

    /// Lets a caller in or says why not; whoever guesses is slowed down.
    async fn admit(&self, headers: &HeaderMap, needed: Scope) -> Result<ApiKey, Problem> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let Some(shown) = shown else {
            return Err(Problem::new(
                Kind::Unauthorized,
                "this server wants a key: authorization: Bearer <key>; lyceum keys create makes one",
            ));
        };
        let secret = shown.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        let Some(key) = secret.and_then(|(_, secret)| self.find(secret.trim())) else {
            let Ok(_place) = self.guesses.try_acquire() else {
                return Err(Problem::too_many("too many wrong keys were shown", 1));
            };
            tokio::time::sleep(WRONG).await;
            return Err(Problem::new(Kind::Unauthorized, "the key is unknown, expired or revoked"));
        };
        if !key.scopes.contains(&needed) && !key.scopes.contains(&Scope::Admin) {
            return Err(Problem::new(Kind::Forbidden, format!("the key lacks the scope \"{needed}\"")));
        }
        self.note_use(&key);
        Ok(key)
    }

    /// Notes the use beside the request, which does not wait for it.
    fn note_use(&self, key: &ApiKey) {
        let now = clock::now_us();
        if key.last_used_at.is_some_and(|last| now - last < NOTED_US) {
            return;
        }
        let id = key.id;
        {
            let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = Arc::make_mut(&mut keys).iter_mut().find(|known| known.id == id) {
                known.last_used_at = Some(now);
            }
        }
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.use_key(id).await {
                tracing::warn!(%error, "a key's use could not be noted");
            }
        });
    }
}

/// What a route asks of its caller; nothing of those that only say that the server is there.
fn needed(method: &Method, route: &str) -> Option<Scope> {
    match route {
        "/" | "/healthz" | "/readyz" | "/openapi.yaml" => None,
        _ if route.starts_with("/docs") => None,
        _ if route.starts_with("/v1/keys") => Some(Scope::Admin),
        _ if route.ends_with("/predict") || route.ends_with("/evaluate") => Some(Scope::Infer),
        "/v1/plans" => Some(Scope::Read),
        _ if method == Method::GET || method == Method::HEAD || method == Method::OPTIONS => {
            Some(Scope::Read)
        }
        _ => Some(Scope::Train),
    }
}

/// The layer that asks every caller for a key where there are keys.
pub(super) async fn authorise(
    State(state): State<AppState>,
    route: Option<MatchedPath>,
    mut request: Request,
    next: Next,
) -> Response {
    let Some(scope) = route.and_then(|route| needed(request.method(), route.as_str())) else {
        return next.run(request).await;
    };
    if !state.access.is_closed() {
        return next.run(request).await;
    }
    match state.access.admit(request.headers(), scope).await {
        Ok(key) => {
            tracing::debug!(key = key.name, "admitted");
            request.extensions_mut().insert(Caller(key.name));
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
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
        assert_eq!(needed("GET", "/v1/jobs/{id}"), Some(Scope::Read));
        assert_eq!(needed("GET", "/metrics"), Some(Scope::Read));
        assert_eq!(needed("POST", "/v1/plans"), Some(Scope::Read));
        assert_eq!(needed("POST", "/v1/jobs"), Some(Scope::Train));
        assert_eq!(needed("DELETE", "/v1/models/{name}/versions/{version}"), Some(Scope::Train));
        assert_eq!(needed("POST", "/v1/models/{name}/predict"), Some(Scope::Infer));
        assert_eq!(needed("GET", "/v1/keys"), Some(Scope::Admin));
    }
}
