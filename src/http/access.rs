//! Who is asking. A server without keys serves its own machine alone; with keys, every caller shows one, or a session
//! that was begun with one.

use std::borrow::Cow;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::http::header::{self, HeaderValue};
use axum::http::{HeaderMap, Method};
use tokio::sync::Semaphore;

use super::audit::Asker;
use super::{Kind, Problem, session};
use crate::clock;
use crate::jobs::token;
use crate::store::{ApiKey, Created, Idempotency, NewKey, Scope, Session, Store, StoreError};

/// What keys begin with, so that one is known when it turns up where it should not.
const PREFIX: &str = "lyc_";

/// A text of a caller's without the secrets of keys, to be logged.
pub(super) fn masked(text: &str) -> Cow<'_, str> {
    let mut parts = text.split(PREFIX);
    let first = parts.next().unwrap_or_default();
    if first.len() == text.len() {
        return Cow::Borrowed(text);
    }
    let rest = parts.map(|part| part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()));
    Cow::Owned(rest.fold(first.to_owned(), |text, part| text + PREFIX + "…" + part))
}

/// How long whoever shows a wrong key or session waits for the answer, and how many may wait.
const WRONG: Duration = Duration::from_millis(400);
const GUESSES: usize = 32;

/// A key's last use is noted at most so often.
const NOTED_US: i64 = 60_000_000;

/// The shortest secret that is taken from outside.
const LEAST_SECRET: usize = 32;

/// What a caller must be for what it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Needs {
    /// Whoever it is.
    Known,
    Scope(Scope),
}

/// Who asks: the key that was shown, or that the session was begun with.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) key: ApiKey,
    pub(crate) session: Option<SignedIn>,
}

/// The session of a caller who signed in.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    pub(crate) csrf_token: String,
    pub(crate) expires_at: i64,
    hash: [u8; 32],
}

/// The keys of this server, and the sessions that are begun with them.
pub(crate) struct Access {
    store: Store,
    keys: RwLock<Arc<Vec<ApiKey>>>,
    reloading: tokio::sync::Mutex<()>,
    guesses: Semaphore,
}

impl Access {
    pub(crate) async fn load(store: Store) -> Result<Self, StoreError> {
        let keys = RwLock::new(Arc::new(store.keys().await?));
        Ok(Self { store, keys, reloading: tokio::sync::Mutex::default(), guesses: Semaphore::new(GUESSES) })
    }

    fn keys(&self) -> Arc<Vec<ApiKey>> {
        self.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn reload(&self) -> Result<(), StoreError> {
        // One at a time: what was read earlier must not be put in place later.
        let _turn = self.reloading.lock().await;
        let keys = Arc::new(self.store.keys().await?);
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
        Ok(())
    }

    /// Whether callers need a key.
    pub(crate) fn is_closed(&self) -> bool {
        !self.keys().is_empty()
    }

    /// Makes a key and answers it with its secret, which nobody learns again; or tells what is kept of the same
    /// request that came before.
    pub(crate) async fn create(
        &self,
        name: String,
        scopes: Vec<Scope>,
        expires_at: Option<i64>,
        idempotency: Option<Idempotency<ApiKey>>,
    ) -> Result<Created<(ApiKey, String)>, Problem> {
        let (secret, _) = token::fresh().map_err(Problem::internal)?;
        let secret = format!("{PREFIX}{secret}");
        let new = NewKey { name, hash: token::hash(&secret), scopes, expires_at };
        Ok(match self.store.create_key(new, idempotency).await? {
            Created::Now(made) => {
                self.reload().await?;
                Created::Now((made, secret))
            }
            Created::Before(answer) => Created::Before(answer),
        })
    }

    /// Revokes a key; the last one only where the server may be `open`, which asks nobody for a key.
    pub(crate) async fn revoke(&self, name: &str, open: bool) -> Result<(), Problem> {
        self.store.revoke_key(name, open).await?;
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
        self.store.create_key(new, None).await.map_err(failed)?;
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

    /// Lets a caller in or says why not.
    pub(crate) async fn admit(
        &self,
        method: &Method,
        headers: &HeaderMap,
        needs: Needs,
        asker: Option<&Asker>,
    ) -> Result<Caller, Problem> {
        let caller = match (headers.get(header::AUTHORIZATION), session::secret(headers)) {
            (Some(shown), _) => self.by_key(shown).await?,
            (None, Some(secret)) => self.by_session(secret).await?,
            (None, None) => {
                return Err(Problem::new(
                    Kind::Unauthorized,
                    "this server wants a key: authorization: Bearer <key>; lyceum keys create makes one",
                ));
            }
        };
        if let Some(asker) = asker {
            asker.is(&caller);
        }
        if let Some(session) = &caller.session {
            session::expect_token(method, headers, &session.csrf_token)?;
        }
        let scopes = &caller.key.scopes;
        if let Needs::Scope(needed) = needs
            && !scopes.contains(&needed)
            && !scopes.contains(&Scope::Admin)
        {
            return Err(Problem::new(Kind::Forbidden, format!("the key lacks the scope \"{needed}\"")));
        }
        self.note_use(&caller.key);
        Ok(caller)
    }

    async fn by_key(&self, shown: &HeaderValue) -> Result<Caller, Problem> {
        let shown = shown.to_str().ok().and_then(|shown| shown.split_once(' '));
        let secret = shown.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
        match secret.and_then(|(_, secret)| self.find(secret.trim())) {
            Some(key) => Ok(Caller { key, session: None }),
            None => Err(self.slowly("the key is unknown, expired or revoked").await),
        }
    }

    /// The session is found by the hash of its secret, so that the time of the search tells nothing of the secret.
    async fn by_session(&self, secret: &str) -> Result<Caller, Problem> {
        let now = clock::now_us();
        if let Some(session) = self.store.session(&token::hash(secret), now).await? {
            let stands = |key: &&ApiKey| key.id == session.key && key.expires_at.is_none_or(|end| end > now);
            if let Some(key) = self.keys().iter().find(stands) {
                let csrf_token = session::csrf_token(secret);
                let session =
                    Some(SignedIn { csrf_token, hash: session.hash, expires_at: session.expires_at });
                return Ok(Caller { key: key.clone(), session });
            }
        }
        Err(self.slowly("the session has ended; sign in again").await)
    }

    /// Begins a session with a key, and answers it with its secret.
    pub(crate) async fn sign_in(&self, secret: &str, seconds: u64) -> Result<(Caller, String), Problem> {
        if !self.is_closed() {
            let detail = "the server has no keys, and answers whoever asks on its own machine";
            return Err(Problem::new(Kind::Conflict, detail));
        }
        let Some(key) = self.find(secret.trim()) else {
            return Err(self.slowly("the key is unknown, expired or revoked").await);
        };
        let (secret, hash) = token::fresh().map_err(Problem::internal)?;
        let end = clock::now_us().saturating_add_unsigned(seconds.saturating_mul(1_000_000));
        let expires_at = key.expires_at.map_or(end, |expires| end.min(expires));
        self.store.begin_session(Session { hash, key: key.id, expires_at }).await?;
        self.note_use(&key);
        let session = SignedIn { csrf_token: session::csrf_token(&secret), hash, expires_at };
        Ok((Caller { key, session: Some(session) }, secret))
    }

    pub(crate) async fn sign_out(&self, session: &SignedIn) -> Result<(), Problem> {
        Ok(self.store.end_session(session.hash).await?)
    }

    /// Whether one who was let in some time ago would be let in now.
    pub(crate) async fn still_admits(&self, caller: Option<&Caller>) -> bool {
        let Some(Caller { key, session }) = caller else { return !self.is_closed() };
        let now = clock::now_us();
        let stands = |known: &ApiKey| known.id == key.id && known.expires_at.is_none_or(|end| end > now);
        let signed_in = match session {
            Some(session) => matches!(self.store.session(&session.hash, now).await, Ok(Some(_))),
            None => true,
        };
        signed_in && self.keys().iter().any(stands)
    }

    /// Refuses whoever shows what is worth nothing: late, so that guessing is slow.
    async fn slowly(&self, detail: &str) -> Problem {
        let Ok(_place) = self.guesses.try_acquire() else {
            return Problem::too_many("too many wrong keys were shown", 1);
        };
        tokio::time::sleep(WRONG).await;
        Problem::new(Kind::Unauthorized, detail)
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

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_are_not_logged() {
        assert_eq!(masked("/v1/keys/ci"), "/v1/keys/ci");
        assert_eq!(masked("/v1/keys/lyc_0f3a/x/lyc_1-2"), "/v1/keys/lyc_…/x/lyc_…-2");
    }
}
