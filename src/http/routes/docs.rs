//! The contract and a page that shows it.

use std::sync::{Arc, LazyLock};

use axum::http::header;
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::Config;

use crate::http::extract::{Nothing, Path, Query};
use crate::http::{Problem, openapi};

static CONTRACT: LazyLock<String> = LazyLock::new(openapi::yaml);

/// This document.
#[utoipa::path(
    get, path = "/openapi.yaml", tag = "documentation",
    responses((status = 200, description = "OpenAPI 3.1.", body = String, content_type = "application/yaml"))
)]
pub(crate) async fn contract(_: Query<Nothing>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "application/yaml")], CONTRACT.as_str())
}

/// Leads to the page that shows this document.
#[utoipa::path(
    get, path = "/docs", tag = "documentation",
    responses((status = 307, description = "To `/docs/`.", headers(("location" = String))))
)]
pub(crate) async fn index(_: Query<Nothing>) -> Redirect {
    Redirect::temporary("/docs/")
}

/// A page that shows this document.
#[utoipa::path(
    get, path = "/docs/", tag = "documentation",
    responses((status = 200, description = "The page.", body = String, content_type = "text/html"))
)]
pub(crate) async fn start(_: Query<Nothing>) -> Result<Response, Problem> {
    page("index.html")
}

/// A file of that page.
#[utoipa::path(
    get, path = "/docs/{file}", tag = "documentation",
    params(("file" = String, Path, description = "Its name.", example = "swagger-ui.css")),
    responses((status = 200, description = "The file.", body = String, content_type = "*/*"))
)]
pub(crate) async fn file(Path(file): Path<String>, _: Query<Nothing>) -> Result<Response, Problem> {
    page(&file)
}

fn page(file: &str) -> Result<Response, Problem> {
    let config = Arc::new(Config::from("/openapi.yaml").validator_url("none"));
    let found = utoipa_swagger_ui::serve(file, config).map_err(Problem::internal)?;
    let found = found.ok_or_else(|| Problem::not_found("such file"))?;
    Ok(([(header::CONTENT_TYPE, found.content_type)], found.bytes.into_owned()).into_response())
}
