//! What a version gets wrong.

use std::str::FromStr;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::data::{self, Dataset};
use crate::http::extract::{Path, Query, from_text};
use crate::http::openapi::{AnswerSchema, ExampleSchema};
use crate::http::routes::datasets::{MOST_VALUES, image_address, too_large};
use crate::http::{AppState, Problem};
use crate::inference::{self, MistakesWanted, VersionRef};
use crate::spec::dataset::{DatasetSchema, Kind};

#[derive(Deserialize, Default, IntoParams)]
#[serde(default)]
pub(crate) struct MistakesQuery {
    /// `train`, `validation` or `test` as the job parted its data, a split of the data set, or `all`. Where it is absent,
    /// what the job tested the model on, else what it watched it by, else `all`.
    #[param(example = "test")]
    split: Option<String>,
    /// How many, by default 50.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 100)]
    #[serde(deserialize_with = "from_text")]
    limit: Option<Most>,
}

/// `limit`: 1 to 100.
#[derive(Clone, Copy)]
struct Most(usize);

impl FromStr for Most {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let most = text.parse().ok().filter(|most| (1..=100).contains(most));
        most.map(Self).ok_or("must be a whole number from 1 to 100")
    }
}

/// What a version gets wrong of its data set.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mistakes {
    #[schema(example = "mnist-cnn")]
    model: String,
    version: u32,
    dataset: MistakesData,
    /// The columns that hold the truth.
    #[schema(example = json!(["label"]))]
    targets: Vec<String>,
    /// Examples of the part that have a truth, all of which were asked about.
    examples: usize,
    /// How many of them are wrong; `null` where the model answers numbers, which are all a little off.
    #[schema(required)]
    wrong: Option<usize>,
    /// The worst first.
    data: Vec<WrongAnswer>,
}

/// The data that a version was asked about.
#[derive(Serialize, ToSchema)]
pub(crate) struct MistakesData {
    #[schema(example = "mnist")]
    name: String,
    version: u32,
    #[schema(example = "test")]
    split: String,
}

/// An example that a version gets wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct WrongAnswer {
    /// Its number in the data set, from 0.
    row: u32,
    #[schema(value_type = AnswerSchema)]
    truth: Value,
    #[schema(value_type = AnswerSchema)]
    answer: Value,
    /// How probable the version takes its answer to be, of several its surest wrong one; `null` where it does not say.
    #[schema(value_type = Option<f64>, required)]
    probability: Value,
    /// How far off a number is; of several numbers the one that is farthest off, in standard deviations of its column.
    /// `null` where the model answers classes.
    #[schema(required)]
    error: Option<f64>,
    /// The address of its first image; `null` where it has none.
    #[schema(required)]
    image: Option<String>,
    #[schema(value_type = ExampleSchema)]
    example: Value,
}

impl WrongAnswer {
    fn new(mistake: inference::Mistake, dataset: &Dataset) -> Self {
        let DatasetSchema { name, version, columns, .. } = dataset.schema();
        let address = |column: &str, row: u64| image_address(name, *version, column, row);
        let row = u64::from(mistake.row);
        let pictured = columns.iter().find(|column| column.kind == Kind::Image);
        Self {
            row: mistake.row,
            truth: mistake.truth,
            answer: mistake.answer,
            probability: mistake.probability.map_or(Value::Null, inference::shortest),
            error: mistake.error.filter(|error| error.is_finite()),
            image: pictured.map(|column| address(&column.name, row)),
            example: data::example(dataset, row, &address),
        }
    }
}

/// What a version gets wrong of the data that it was trained on.
///
/// The surest mistakes first: the wrong answers with the greatest probability. With several targets an example is wrong
/// that is wrong in any. Where the model answers numbers, those that are farthest off. An answer holds a million values at
/// most (see the examples of a data set), and fewer mistakes where their examples are large.
#[utoipa::path(
    get, path = "/v1/models/{name}/versions/{version}/mistakes", tag = "models",
    params(
        ("name" = String, Path, description = "The model.", example = "iris"),
        ("version" = String, Path, description = "A number or an alias.", example = "latest"),
        MistakesQuery,
    ),
    responses((status = 200, description = "The mistakes.", body = Mistakes)),
    extensions(("x-problems" = json!({
        "409": "The data set that it was trained on is not there any more.",
        "413": "The worst mistake's example alone is more than an answer may hold.",
        "429": "Too many requests wait for models to be evaluated.",
    })))
)]
pub(crate) async fn mistakes(
    State(state): State<AppState>,
    Path((name, version)): Path<(String, String)>,
    Query(query): Query<MistakesQuery>,
) -> Result<Json<Mistakes>, Problem> {
    let wanted = MistakesWanted { split: query.split, limit: query.limit.map_or(50, |most| most.0) };
    let (version, found) = state.inference.mistakes(&name, &VersionRef::parse(&version), wanted).await?;
    let shown = tokio::task::spawn_blocking(move || shown(name, version, found));
    shown.await.map_err(Problem::internal)?.map(Json)
}

/// The worst of them, as many as an answer holds.
fn shown(model: String, version: u32, found: inference::Mistakes) -> Result<Mistakes, Problem> {
    let schema = found.dataset.schema();
    let (mut data, mut values) = (Vec::new(), 0_u64);
    for mistake in found.worst {
        values = values.saturating_add(found.dataset.shown_values(u64::from(mistake.row)));
        if values > MOST_VALUES {
            if data.is_empty() {
                return Err(too_large(&format!("the example of row {}", mistake.row), values));
            }
            break;
        }
        data.push(WrongAnswer::new(mistake, &found.dataset));
    }
    Ok(Mistakes {
        model,
        version,
        dataset: MistakesData { name: schema.name.clone(), version: schema.version, split: found.split },
        targets: found.targets,
        examples: found.examples,
        wrong: found.wrong,
        data,
    })
}
