//! Calling models: predictions and evaluations.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;

use crate::http::extract::{self, Nothing, Path, Query};
use crate::http::openapi::{EvaluationBody, EvaluationSchema, PredictBody, PredictionSchema};
use crate::http::{AppState, Problem, body};
use crate::inference::{PredictInput, VersionRef};

/// Predicts with the latest version.
///
/// One or many examples in the data set's own terms; the preprocessing of the training run is done here. One bad
/// example refuses the whole request.
#[utoipa::path(
    post, path = "/v1/models/{name}/predict", tag = "models", operation_id = "predict_latest",
    params(("name" = String, Path, description = "The model.", example = "iris")),
    request_body(description = "Examples, or one image.", content(
        (PredictBody = "application/json"), (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"),
    )),
    responses((status = 200, description = "The predictions, in the order of the inputs.", body = PredictionSchema)),
    extensions(("x-problems" = json!({
        "429": "Too many requests wait for the model.",
        "503": "There is no memory for the model now.",
    })))
)]
pub(crate) async fn predict_latest(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    predicted(&state, &name, &VersionRef::latest(), request).await
}

/// Predicts with a version.
#[utoipa::path(
    post, path = "/v1/models/{name}/versions/{version}/predict", tag = "models", operation_id = "predict",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    request_body(description = "Examples, or one image.", content(
        (PredictBody = "application/json"), (Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"),
    )),
    responses((status = 200, description = "The predictions, in the order of the inputs.", body = PredictionSchema)),
    extensions(("x-problems" = json!({
        "429": "Too many requests wait for the model.",
        "503": "There is no memory for the model now.",
    })))
)]
pub(crate) async fn predict(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
    request: Request,
) -> Result<Response, Problem> {
    predicted(&state, &name, &VersionRef::parse(&version), request).await
}

async fn predicted(
    state: &AppState,
    model: &str,
    version: &VersionRef,
    request: Request,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let media = body::expect_media_type(&parts.headers, &["application/json", "image/png", "image/jpeg"])?;
    let limits = &state.config.http;
    let bytes = body::read(&parts.headers, body, limits.predict_body_bytes, limits).await?;
    let turn = if bytes.len() >= body::LONG { Some(state.long_work.turn().await?) } else { None };
    let input = if media == "application/json" {
        PredictInput::Json(body::json(bytes, limits).await?)
    } else {
        PredictInput::Image(bytes)
    };
    let predictions = state.inference.predict(model, version, input).await?;
    body::json_answer(predictions, turn.is_some()).await
}

/// Metrics of a version on another data set or split.
#[utoipa::path(
    post, path = "/v1/models/{name}/versions/{version}/evaluate", tag = "models",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
    ),
    request_body(content = EvaluationBody, description = "What to evaluate on."),
    responses((status = 200, description = "The metrics.", body = EvaluationSchema)),
    extensions(("x-problems" = json!({
        "429": "Too many requests wait for the model.",
        "503": "There is no memory for the model now.",
    })))
)]
pub(crate) async fn evaluate(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
    extract::Json(body): extract::Json,
) -> Result<Json<Value>, Problem> {
    Ok(Json(state.inference.evaluate(&name, &VersionRef::parse(&version), &body).await?))
}
