//! Data sets: uploaded, shown, looked at, deleted.

mod statistics;
mod upload;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::data::{Dataset, examples as examples_of, image_png};
use crate::http::extract::{Limit, Nothing, Path, Query, from_text};
use crate::http::openapi::{ExampleSchema, KindSchema, Time};
use crate::http::page::{self, Page};
use crate::http::{AppState, Kind, Problem};
use crate::spec::dataset;
use crate::store::{DatasetFilter, DatasetVersion};

pub(crate) use statistics::{__path_statistics, column_schema, statistics};
pub(crate) use upload::{__path_upload, upload};

/// A version of a data set.
#[derive(Serialize, ToSchema)]
#[schema(as = Dataset)]
pub(crate) struct DatasetView {
    #[schema(example = "iris")]
    name: String,
    #[schema(minimum = 1)]
    version: u32,
    /// The format of the upload.
    #[schema(example = "csv")]
    format: String,
    examples: u64,
    /// Of the upload.
    bytes: u64,
    /// Of the upload.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    sha256: String,
    created_at: Time,
    /// Names of the splits and their numbers of examples; `all` where the upload has none.
    #[schema(example = json!({"train": 60000, "test": 10000}))]
    #[schema(value_type = BTreeMap<String, u64>)]
    splits: serde_json::Map<String, serde_json::Value>,
    columns: Vec<ColumnView>,
}

/// A column of a data set.
#[derive(Serialize, ToSchema)]
#[schema(as = Column)]
pub(crate) struct ColumnView {
    #[schema(example = "species")]
    name: String,
    #[schema(value_type = KindSchema)]
    kind: dataset::Kind,
    /// The type of the cells as uploaded.
    #[schema(example = "string")]
    dtype: String,
    /// Of one cell: empty for a single value, `[C, H, W]` for images.
    shape: Vec<u64>,
    /// Of a category, sorted.
    #[schema(example = json!(["setosa", "versicolor", "virginica"]))]
    classes: Vec<String>,
    /// Empty cells.
    missing: u64,
}

impl From<DatasetVersion> for DatasetView {
    fn from(version: DatasetVersion) -> Self {
        let schema = version.schema;
        let column = |column: dataset::Column| ColumnView {
            name: column.name,
            kind: column.kind,
            dtype: column.dtype,
            shape: column.shape,
            classes: column.classes,
            missing: column.missing,
        };
        Self {
            name: schema.name,
            version: schema.version,
            format: schema.format,
            examples: schema.examples,
            bytes: schema.bytes,
            sha256: schema.sha256,
            created_at: Time(version.created_at),
            splits: schema.splits.into_iter().map(|(name, examples)| (name, examples.into())).collect(),
            columns: schema.columns.into_iter().map(column).collect(),
        }
    }
}

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct ListQuery {
    /// How many, by default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "from_text")]
    limit: Option<Limit>,
    /// The cursor of a page before.
    after: Option<String>,
}

/// Lists the latest version of each data set, newest first.
#[utoipa::path(
    get, path = "/v1/datasets", tag = "datasets", operation_id = "list_datasets", params(ListQuery),
    responses((status = 200, description = "A page of them.", body = Page<DatasetView>))
)]
pub(crate) async fn list(
    State(state): State<AppState>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<DatasetView>>, Problem> {
    state.jobs.wait_for_all_shipped().await;
    page_of(&state, &DatasetFilter::default(), &query).await
}

async fn page_of(
    state: &AppState,
    filter: &DatasetFilter,
    query: &ListQuery,
) -> Result<Json<Page<DatasetView>>, Problem> {
    let after = page::cursor::<i64>(query.after.as_deref())?;
    let found = state.store.datasets(filter, after, query.limit.unwrap_or_default().0).await?;
    Ok(Json(Page::new(found, DatasetView::from)))
}

/// Lists the versions of a data set, newest first.
#[utoipa::path(
    get, path = "/v1/datasets/{name}/versions", tag = "datasets", operation_id = "list_dataset_versions",
    params(("name" = String, Path, description = "The data set.", example = "iris"), ListQuery),
    responses((status = 200, description = "A page of them.", body = Page<DatasetView>))
)]
pub(crate) async fn versions(
    State(state): State<AppState>,
    Path(name): Path<String>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<DatasetView>>, Problem> {
    state.jobs.wait_for_shipped(&name).await;
    state.store.dataset(&name, None).await?;
    page_of(&state, &DatasetFilter { name: Some(name) }, &query).await
}

/// Shows the latest version of a data set.
#[utoipa::path(
    get, path = "/v1/datasets/{name}", tag = "datasets", operation_id = "show_dataset",
    params(("name" = String, Path, description = "The data set.", example = "iris")),
    responses((status = 200, description = "The data set.", body = DatasetView))
)]
pub(crate) async fn latest(
    State(state): State<AppState>,
    Path(name): Path<String>,
    _: Query<Nothing>,
) -> Result<Json<DatasetView>, Problem> {
    state.jobs.wait_for_shipped(&name).await;
    Ok(Json(state.store.dataset(&name, None).await?.into()))
}

/// Shows a version of a data set.
#[utoipa::path(
    get, path = "/v1/datasets/{name}/versions/{version}", tag = "datasets", operation_id = "show_dataset_version",
    params(
        ("name" = String, Path, description = "The data set.", example = "iris"),
        ("version" = String, Path, description = "The version's number, or `latest`.", example = "1"),
    ),
    responses((status = 200, description = "The data set.", body = DatasetView))
)]
pub(crate) async fn show(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<Json<DatasetView>, Problem> {
    state.jobs.wait_for_shipped(&name).await;
    Ok(Json(state.store.dataset(&name, number(&version)?).await?.into()))
}

/// Deletes a version of a data set.
#[utoipa::path(
    delete, path = "/v1/datasets/{name}/versions/{version}", tag = "datasets", operation_id = "delete_dataset",
    params(
        ("name" = String, Path, description = "The data set.", example = "iris"),
        ("version" = String, Path, description = "The version's number, or `latest`.", example = "1"),
    ),
    responses((status = 204, description = "It is gone.")),
    extensions(("x-problems" = json!({"409": "A job needs it."})))
)]
pub(crate) async fn delete(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    _: Query<Nothing>,
) -> Result<StatusCode, Problem> {
    let version = match number(&version)? {
        Some(version) => version,
        None => state.store.dataset(&name, None).await?.schema.version,
    };
    state.jobs.delete_dataset(&name, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Values that an answer of examples may hold. Each takes some dozens of bytes while the answer is made.
pub(super) const MOST_VALUES: u64 = 1_000_000;

/// An answer of more than these is written by turns.
const LONG_VALUES: u64 = 50_000;

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct ExamplesQuery {
    /// The split; the first one where it is absent.
    split: Option<String>,
    /// Examples to skip.
    #[param(value_type = Option<u64>, minimum = 0)]
    #[serde(deserialize_with = "from_text")]
    offset: Option<u64>,
    /// How many, by default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    #[serde(deserialize_with = "from_text")]
    limit: Option<Limit>,
}

/// Some examples of a data set, in the order of the upload.
#[derive(Serialize, ToSchema)]
pub(crate) struct Examples {
    #[schema(example = "train")]
    split: String,
    /// Examples of the split.
    total: u64,
    /// Examples skipped.
    offset: u64,
    #[schema(value_type = Vec<ExampleSchema>)]
    data: Vec<serde_json::Value>,
}

/// A look at the data.
///
/// Where the examples are large, fewer come than are asked for: as many as hold a million values together. Each number
/// is one, each 32 bytes of a text, and each array within a tensor; an image, which is shown by its address, is one.
/// The next examples are those behind the ones that came.
#[utoipa::path(
    get, path = "/v1/datasets/{name}/versions/{version}/examples", tag = "datasets", operation_id = "list_examples",
    params(
        ("name" = String, Path, description = "The data set.", example = "iris"),
        ("version" = String, Path, description = "The version's number, or `latest`.", example = "1"),
        ExamplesQuery,
    ),
    responses((status = 200, description = "Examples.", body = Examples)),
    extensions(("x-problems" = json!({"413": "The first of the examples alone is larger than an answer may be."})))
)]
pub(crate) async fn examples(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<ExamplesQuery>,
) -> Result<Response, Problem> {
    let dataset = state.jobs.dataset(&name, number(&version)?).await?;
    // The rows of a set are much alike.
    let row = if dataset.schema().examples > 0 { dataset.shown_values(0) } else { 0 };
    let values = row.saturating_mul(query.limit.unwrap_or_default().0.into());
    let _turn = if values > LONG_VALUES { Some(state.long_work.turn().await?) } else { None };
    tokio::task::spawn_blocking(move || answer(&dataset, query)).await.map_err(Problem::internal)?
}

fn answer(dataset: &Dataset, query: ExamplesQuery) -> Result<Response, Problem> {
    let schema = dataset.schema();
    let split =
        query.split.or_else(|| schema.splits.first().map(|(name, _)| name.clone())).unwrap_or_default();
    let (offset, limit) = (query.offset.unwrap_or(0), query.limit.unwrap_or_default().0);
    let url = |column: &str, row: u64| image_address(&schema.name, schema.version, column, row);
    let found = examples_of(dataset, &split, offset, limit.into(), MOST_VALUES, &url);
    let data = found
        .ok_or_else(|| no_split(schema, &split))?
        .map_err(|values| too_large(&format!("the example at offset {offset}"), values))?;
    let total = schema.splits.iter().find(|(name, _)| *name == split).map_or(0, |(_, examples)| *examples);
    Ok(Json(Examples { split, total, offset, data }).into_response())
}

/// An example that no answer can hold.
pub(super) fn too_large(what: &str, values: u64) -> Problem {
    let detail = format!("{what} holds {values} values, and an answer at most {MOST_VALUES}");
    Problem::new(Kind::TooLarge, detail)
}

fn no_split(schema: &dataset::DatasetSchema, split: &str) -> Problem {
    let names: Vec<&str> = schema.splits.iter().map(|(name, _)| &name[..]).collect();
    Problem::not_found(format!("split \"{split}\"; there are {}", names.join(", ")))
}

/// A version's number; nothing for the latest.
pub(super) fn number(version: &str) -> Result<Option<u32>, Problem> {
    if version == "latest" {
        return Ok(None);
    }
    let number = version.parse().map_err(|_| {
        Problem::not_found("such version of a data set: it is named by its number, or as `latest`")
    })?;
    Ok(Some(number))
}

/// Where an image of a data set is found.
pub(super) fn image_address(name: &str, version: u32, column: &str, row: u64) -> String {
    format!("/v1/datasets/{name}/versions/{version}/images/{}/{row}", page::path_segment(column))
}

/// An image of a data set.
#[utoipa::path(
    get, path = "/v1/datasets/{name}/versions/{version}/images/{column}/{row}", tag = "datasets", operation_id = "image",
    params(
        ("name" = String, Path, description = "The data set.", example = "mnist"),
        ("version" = String, Path, description = "The version's number, or `latest`.", example = "1"),
        ("column" = String, Path, description = "A column of images.", example = "image"),
        ("row" = u64, Path, description = "The row, counted over the whole set.", example = 0),
    ),
    responses((status = 200, description = "The image.", body = Vec<u8>, content_type = "image/png"))
)]
pub(crate) async fn image(
    State(state): State<AppState>,
    Path((name, version, column, row)): Path<(String, String, String, u64)>,
    _: Query<Nothing>,
) -> Result<Response, Problem> {
    let version = number(&version)?;
    let dataset = state.jobs.dataset(&name, version).await?;
    let png = tokio::task::spawn_blocking(move || image_png(&dataset, &column, row));
    let png = png.await.map_err(Problem::internal)?.ok_or_else(|| Problem::not_found("such image"))?;
    // A version never changes, and neither does a picture of it; which one is the latest does.
    let kept = if version.is_some() { "private, max-age=31536000, immutable" } else { "private, no-cache" };
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, kept)];
    Ok((headers, png).into_response())
}
