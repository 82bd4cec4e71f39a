//! What the columns of a data set hold.

use std::ops::Range;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use utoipa::{IntoParams, ToSchema};

use super::{no_split, number};
use crate::data::{ColumnStatistics, Dataset, label, statistics as statistics_of};
use crate::http::extract::{Path, Query};
use crate::http::openapi::ColumnStatisticsSchema;
use crate::http::{AppState, Problem, etag};
use crate::spec::dataset::DatasetSchema;

/// Raised when the same rows are summarised otherwise, so that nobody keeps what an older server said.
const FORM: u32 = 1;

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct StatisticsQuery {
    /// The split; all rows where it is absent.
    split: Option<String>,
}

/// What the columns of a data set hold.
#[derive(Serialize, ToSchema)]
#[schema(as = DatasetStatistics)]
pub(crate) struct StatisticsView {
    #[schema(example = "iris")]
    dataset: String,
    #[schema(minimum = 1)]
    version: u32,
    /// The split whose rows these are; `null` for all rows.
    #[schema(required)]
    split: Option<String>,
    /// Its rows.
    examples: u64,
    /// The column that looks most like what there is to learn: the last one where it is a category, else a category
    /// that is called `label`, `target`, `class`, `y` or `outcome`.
    #[schema(required, example = "species")]
    label: Option<String>,
    /// In the order of the data set's columns.
    #[schema(value_type = Vec<ColumnStatisticsSchema>)]
    columns: Vec<ColumnStatistics>,
}

/// Shows how much each column holds, from where to where, how spread, and which classes.
///
/// Of a column that is too long to be read whole (more than 256 MiB for these rows, or more than its part of 2 GiB for
/// all columns), rows that are spread evenly over it are looked at; `examined` says how many. What is answered of a
/// version never changes, so that its `etag` may be sent along as `if-none-match`.
#[utoipa::path(
    get, path = "/v1/datasets/{name}/versions/{version}/statistics", tag = "datasets",
    operation_id = "dataset_statistics",
    params(
        ("name" = String, Path, description = "The data set.", example = "iris"),
        ("version" = String, Path, description = "The version's number, or `latest`.", example = "latest"),
        StatisticsQuery,
    ),
    responses(
        (status = 200, description = "The statistics.", body = StatisticsView, headers(("etag" = String))),
        (status = 304, description = "They are what `if-none-match` names."),
    )
)]
pub(crate) async fn statistics(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<StatisticsQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    state.jobs.wait_for_shipped(&name).await;
    let found = state.store.dataset(&name, number(&version)?).await?;
    let rows = rows(&found.schema, query.split.as_deref())?;
    let tag = format!("W/\"{FORM}-{}-{}-{}-{}\"", found.digest, found.schema.version, rows.start, rows.end);
    let unchanged = etag::names(&headers, header::IF_NONE_MATCH, &tag);
    let head = [(header::ETAG, tag), (header::CACHE_CONTROL, "private, no-cache".to_owned())];
    if unchanged {
        return Ok((StatusCode::NOT_MODIFIED, head).into_response());
    }
    let dataset = state.jobs.dataset(&name, Some(found.schema.version)).await?;
    let _turn = state.long_work.turn().await?;
    // Dropped with this request, should its client not wait for the end.
    let waited_for = CancellationToken::new();
    let _waiting = waited_for.clone().drop_guard();
    let work = move || answer(&dataset, &rows, query.split, &|| waited_for.is_cancelled());
    let answered = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    answered.map(|answer| (head, answer).into_response()).ok_or_else(|| Problem::internal("nobody waits"))
}

fn answer(
    dataset: &Dataset,
    rows: &Range<u64>,
    split: Option<String>,
    given_up: &dyn Fn() -> bool,
) -> Option<Response> {
    let schema = dataset.schema();
    let view = StatisticsView {
        dataset: schema.name.clone(),
        version: schema.version,
        split,
        examples: rows.end - rows.start,
        label: label(&schema.columns).map(str::to_owned),
        columns: statistics_of(dataset, rows, given_up)?,
    };
    Some(Json(view).into_response())
}

/// The rows of a split, or all.
fn rows(schema: &DatasetSchema, split: Option<&str>) -> Result<Range<u64>, Problem> {
    match split {
        Some(split) => schema.split(split).ok_or_else(|| no_split(schema, split)),
        None => Ok(0..schema.examples),
    }
}

/// The summary of a column, as the contract tells it.
pub(crate) fn column_schema() -> Value {
    let count = json!({"type": "integer", "minimum": 0});
    let number = json!({"type": "number"});
    let histogram = object(
        "How many there are from each edge up to, not including, the next; the last part includes its end.",
        json!({"edges": {"type": "array", "minItems": 2, "items": number}, "counts": {"type": "array", "items": count}}),
    );
    let numbers = |of: &str| {
        object(
            &format!("Of {of}. The deviation is the population's; quartiles stand between neighbours."),
            json!({
                "least": number, "greatest": number, "mean": number, "standard_deviation": number,
                "quartiles": {"type": "array", "minItems": 3, "maxItems": 3, "items": number},
                "histogram": histogram,
            }),
        )
    };
    let moments = object("Of a channel.", json!({"mean": number, "standard_deviation": number}));
    let class = object("A class.", json!({"class": {"type": "string"}, "count": count}));
    let mut column = object(
        "What a column holds. One of `numbers`, `classes`, `lengths`, `pixels` and `elements` says what there is to say of \
         its kind, where any cell holds something.",
        json!({
            "name": {"type": "string"},
            "kind": {"$ref": "#/components/schemas/Kind"},
            "examined": described(&count, "Rows that were looked at: all, but of a column that is too long."),
            "count": described(&count, "Of these, cells that hold something."),
            "missing": described(&count, "Of these, empty cells."),
        }),
    );
    let optional = json!({
        "distinct": object(
            "Different values, of which 10,000 are told apart: so many, or more where it is not exact.",
            json!({"count": count, "exact": {"type": "boolean"}}),
        ),
        "numbers": numbers("the numbers"),
        "lengths": numbers("the texts' lengths in characters"),
        "elements": numbers("the tensors' elements"),
        "classes": object(
            "How often each class comes.",
            json!({
                "commonest": {"type": "array", "maxItems": 50, "items": class},
                "others": object("Classes that come, and are not among these.", json!({"classes": count, "count": count})),
                "absent": described(&count, "Classes of the column that none of the rows has."),
                "evenness": {
                    "type": ["number", "null"],
                    "description": "1 where all classes come equally often, towards 0 the more one prevails: the entropy \
                                    over the greatest that there could be. `null` where fewer than two come.",
                },
            }),
        ),
        "pixels": object(
            "Of the pictures, from 0 for black to 1 for white.",
            json!({
                "channels": {"type": "array", "items": moments},
                "brightness": described(&histogram, "Pictures by the mean over their pixels and channels."),
            }),
        ),
    });
    if let (Some(properties), Value::Object(optional)) = (column["properties"].as_object_mut(), optional) {
        properties.extend(optional);
    }
    column
}

/// The schema of an object that has all of these members and no others.
fn object(description: &str, properties: Value) -> Value {
    let required: Vec<&String> = properties.as_object().into_iter().flat_map(Map::keys).collect();
    let mut schema = json!({
        "description": description, "type": "object", "required": required, "additionalProperties": false,
    });
    schema["properties"] = properties;
    schema
}

fn described(schema: &Value, description: &str) -> Value {
    let mut described = schema.clone();
    described["description"] = json!(description);
    described
}
