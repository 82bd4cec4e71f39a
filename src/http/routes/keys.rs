//! Keys of callers: made, listed, revoked.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use crate::clock;
use crate::http::extract::{Nothing, Path, Posted, Query, record};
use crate::http::idempotency::{IdempotencyKey, Turn};
use crate::http::openapi::{NewKeySchema, ScopeSchema, Time};
use crate::http::page::{Page, PageQuery, Place};
use crate::http::{AppState, Kind, Problem};
use crate::spec::{Name, Pointer, Seconds, SpecErrors};
use crate::store::{Answer, ApiKey, Created, Scope};

/// Where idempotency keys of this route belong.
const SCOPE: &str = "POST /v1/keys";

/// A key, without its secret.
#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
pub(crate) struct KeyView {
    #[schema(example = "ci")]
    name: String,
    #[schema(value_type = Vec<ScopeSchema>)]
    scopes: Vec<Scope>,
    created_at: Time,
    #[schema(required)]
    expires_at: Option<Time>,
    /// To within a minute.
    #[schema(required)]
    last_used_at: Option<Time>,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            name: key.name,
            scopes: key.scopes,
            created_at: Time(key.created_at),
            expires_at: key.expires_at.map(Time),
            last_used_at: key.last_used_at.map(Time),
        }
    }
}

/// A key as it is made. The secret is shown this once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeKey {
    /// What callers show: `authorization: Bearer <secret>`.
    #[schema(example = "lyc_0f3a…")]
    secret: String,
    #[serde(flatten)]
    key: KeyView,
}

crate::record! {
    /// A key to be made.
    pub(crate) struct NewKey {
        /// Its name, among the keys in use.
        pub name: Name,
        /// What it allows: `read`, `train`, `infer`, or `admin` for everything.
        pub scopes: Vec<Scope>,
        /// Seconds until it expires; never where it is absent.
        pub expires_in: Option<Seconds> = None,
    }
}

/// Makes a key.
///
/// With the first one the server begins to ask every caller for a key; that one needs the scope `admin`. The secret is
/// kept nowhere, so a request that is repeated under its idempotency key is refused and makes no second key: whoever lost
/// the answer revokes the key and makes another.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", operation_id = "create_key",
    params(("idempotency-key" = Option<String>, Header, description = "Makes a repeated request safe for a day: it makes no second key. It is answered 409, which names the first.")),
    request_body(content = NewKeySchema, description = "The key."),
    responses((status = 201, description = "The key with its secret, which is shown this once.", body = MadeKey)),
    extensions(("x-problems" = json!({"409": "There is a key of that name, or the idempotency key was used before."})))
)]
pub(crate) async fn create(
    State(state): State<AppState>,
    _: Query<Nothing>,
    idempotency: IdempotencyKey,
    Posted { text, value }: Posted,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let digest = Sha256::digest(&text).into();
    let _turn = match idempotency.turn(&state, SCOPE, &digest).await? {
        Turn::Answered(before) => return Err(made_before(before)),
        own @ Turn::Own(_) => own,
    };
    let new: NewKey = record(&value)?;
    let at = Pointer::root().key("scopes");
    if new.scopes.is_empty() {
        return Err(
            SpecErrors::of(&at, format!("must name at least one of {}", Scope::WORDS.join(", "))).into()
        );
    }
    if !state.access.is_closed() && !new.scopes.contains(&Scope::Admin) {
        return Err(
            SpecErrors::of(&at, "the first key needs the scope admin, or nobody could make another").into()
        );
    }
    let expires_at = new
        .expires_in
        .map(|seconds| clock::now_us().saturating_add_unsigned(seconds.get().saturating_mul(1_000_000)));
    let kept = idempotency.keep(SCOPE, digest, without_secret);
    match state.access.create(new.name.as_str().to_owned(), new.scopes, expires_at, kept).await? {
        Created::Now((key, secret)) => Ok((StatusCode::CREATED, Json(MadeKey { secret, key: key.into() }))),
        Created::Before(before) => Err(made_before(before)),
    }
}

/// What is told to who repeats the request that made a key.
fn without_secret(key: &ApiKey) -> Answer {
    let detail = format!(
        "the key \"{}\" was made under this idempotency key, and its secret was shown that once; revoke it and make another",
        key.name
    );
    Answer { status: StatusCode::CONFLICT.as_u16(), headers: Vec::new(), body: detail }
}

fn made_before(before: Answer) -> Problem {
    Problem::new(Kind::Conflict, before.body)
}

/// Lists the keys in use, newest first.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", operation_id = "list_keys", params(PageQuery),
    responses((status = 200, description = "A page of them.", body = Page<KeyView>))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<PageQuery>,
) -> Result<Json<Page<KeyView>>, Problem> {
    let keys = state.store.keys().await?;
    Page::cut(keys, &query, |key| Place::new(key.id, 0, ""), KeyView::from).map(Json)
}

/// Revokes a key. Whoever shows it from here on is refused.
#[utoipa::path(
    delete, path = "/v1/keys/{name}", tag = "keys", operation_id = "revoke_key",
    params(("name" = String, Path, description = "The key.", example = "ci")),
    responses((status = 204, description = "It is revoked.")),
    extensions(("x-problems" = json!({"409": "It is the last one with the scope `admin`, and there are others, or others can reach the server."})))
)]
pub(crate) async fn revoke(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    // As at its start: on an address that others reach it is never without a key.
    let open = state.config.server.listen.ip().is_loopback();
    state.access.revoke(&name, open).await?;
    Ok(StatusCode::NO_CONTENT)
}
