//! Inferences.

use axum::extract::{Request, State};
use axum::http::Version;
use axum::response::Response;

use super::answer;
use super::request::{Asked, header_length};
use crate::http::extract::{Nothing, Path, Query};
use crate::http::openapi::{InferBody, InferSchema};
use crate::http::{AppState, Kind, Problem, body};
use crate::inference::VersionRef;

/// A longer body of binary tensors is read beside the threads that answer requests.
const LONG_BINARY: usize = 256 << 10;

/// Calls the latest version of a model.
///
/// Tensors are in the data's own terms, before preprocessing. Behind JSON whose length is told in
/// `Inference-Header-Content-Length` binary tensors may follow; where that is 0 the body is the only input's bytes.
#[utoipa::path(
    post, path = "/v2/models/{name}/infer", tag = "inference", operation_id = "v2_infer",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("Inference-Header-Content-Length" = Option<String>, Header, description = "Bytes of JSON before binary tensors."),
    ),
    request_body(description = "The tensors.", content(
        (InferBody = "application/json"), (Vec<u8> = "application/octet-stream"),
    )),
    responses((status = 200, description = "The outputs.", content(
        (InferSchema = "application/json"), (Vec<u8> = "application/octet-stream"),
    )))
)]
pub(crate) async fn infer(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    inferred(&state, &name, &VersionRef::latest(), request).await
}

/// Calls a version of a model.
#[utoipa::path(
    post, path = "/v2/models/{name}/versions/{version}/infer", tag = "inference", operation_id = "v2_infer_version",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
        ("Inference-Header-Content-Length" = Option<String>, Header, description = "Bytes of JSON before binary tensors."),
    ),
    request_body(description = "The tensors.", content(
        (InferBody = "application/json"), (Vec<u8> = "application/octet-stream"),
    )),
    responses((status = 200, description = "The outputs.", content(
        (InferSchema = "application/json"), (Vec<u8> = "application/octet-stream"),
    )))
)]
pub(crate) async fn infer_version(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    inferred(&state, &name, &VersionRef::parse(&version), request).await
}

async fn inferred(
    state: &AppState,
    model: &str,
    version: &VersionRef,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if let Some(encoding) = parts.headers.get("content-encoding") {
        let encoding = String::from_utf8_lossy(encoding.as_bytes());
        let detail = format!("a body encoded as {encoding} is not read; send it as it is");
        return Err(Problem::new(Kind::MediaType, detail));
    }
    let header = header_length(&parts.headers)?;
    let limits = &state.config.http;
    let bytes = body::read(&parts.headers, body, limits.predict_body_bytes, limits).await?;
    let found = state.inference.find(model, version).await?;
    let json = header.unwrap_or(bytes.len());
    if json < body::LONG && bytes.len() < LONG_BINARY {
        // Over HTTP/2 a connection reads on before it has sent what was answered.
        let one_by_one = parts.version < Version::HTTP_2;
        let _attended = state.attention.attend(one_by_one && state.jobs.nothing_runs());
        let mut asked = Asked::read(&bytes, header, found.signature())?;
        let inputs = std::mem::take(&mut asked.inputs);
        let answered = state.inference.infer(&found, inputs, asked.deadline).await?;
        return answer::write(&asked, answered);
    }
    let _turn = state.long_work.turn().await?;
    let signature = found.signature().clone();
    let read = tokio::task::spawn_blocking(move || Asked::read(&bytes, header, &signature));
    let mut asked = read.await.map_err(Problem::internal)??;
    let inputs = std::mem::take(&mut asked.inputs);
    // It may have been deleted meanwhile.
    let found = state.inference.find(model, version).await?;
    let answered = state.inference.infer(&found, inputs, asked.deadline).await?;
    tokio::task::spawn_blocking(move || answer::write(&asked, answered)).await.map_err(Problem::internal)?
}
