//! Models and their answers, as the API shows them.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::http::openapi::{JobSpecSchema, KindSchema, Time};
use crate::inference::{DescribedInput, DescribedOutput, Description};
use crate::spec::dataset::Kind;
use crate::store;

/// A model: a name with numbered versions.
#[derive(Serialize, ToSchema)]
#[schema(as = Model)]
pub(crate) struct ModelView {
    #[schema(example = "mnist-cnn")]
    pub(crate) name: String,
    /// The version that is taken where none is named.
    pub(crate) latest: u32,
    /// The versions that aliases point at, `latest` included.
    #[schema(example = json!({"latest": 3, "production": 2}))]
    pub(crate) aliases: BTreeMap<String, u32>,
    /// The numbers of its versions, newest first.
    #[schema(example = json!([3, 2, 1]))]
    pub(crate) versions: Vec<u32>,
    /// When the latest version was made.
    pub(crate) updated_at: Time,
}

impl From<store::Model> for ModelView {
    fn from(model: store::Model) -> Self {
        Self {
            latest: model.versions.first().map_or(0, |version| version.version),
            updated_at: Time(model.versions.first().map_or(model.created_at, |version| version.created_at)),
            versions: model.versions.iter().map(|version| version.version).collect(),
            name: model.name,
            aliases: model.aliases,
        }
    }
}

/// A version of a model.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelVersion)]
pub(crate) struct VersionView {
    #[schema(example = "mnist-cnn")]
    pub(crate) model: String,
    pub(crate) version: u32,
    /// The aliases that point at it.
    pub(crate) aliases: Vec<String>,
    /// The job that made it.
    pub(crate) job: Uuid,
    /// The run of the job that made it.
    pub(crate) run: Uuid,
    /// Which of the job's models it is; empty where the job makes one.
    pub(crate) output: String,
    pub(crate) created_at: Time,
    /// The canonical spec of the job.
    #[schema(value_type = JobSpecSchema)]
    pub(crate) spec: Value,
    /// The latest value of each series of the job; `null` where it is not finite.
    #[schema(value_type = BTreeMap<String, Option<f64>>)]
    pub(crate) metrics: Map<String, Value>,
    /// What a prediction takes.
    pub(crate) inputs: Vec<InputView>,
    /// What a prediction answers.
    pub(crate) outputs: Vec<OutputView>,
    /// Of the weights file.
    pub(crate) bytes: u64,
    /// Of the weights file; equal weights have equal digests.
    #[schema(pattern = "^[0-9a-f]{64}$")]
    pub(crate) sha256: String,
}

/// A column that a prediction takes.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelInput)]
pub(crate) struct InputView {
    /// Its name in the data set.
    #[schema(example = "petal_length")]
    pub(crate) name: String,
    #[schema(value_type = KindSchema)]
    pub(crate) kind: Kind,
    #[schema(example = "float64")]
    pub(crate) dtype: String,
    /// Of one value; empty for a single one, `[C, H, W]` for an image.
    pub(crate) shape: Vec<u64>,
    /// Of a category.
    pub(crate) classes: Vec<String>,
    /// Whether it may be left out of an example.
    pub(crate) optional: bool,
}

/// What a prediction answers for one target.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelOutput)]
pub(crate) struct OutputView {
    /// The target's name.
    #[schema(example = "species")]
    pub(crate) name: String,
    #[schema(value_type = KindSchema)]
    pub(crate) kind: Kind,
    /// Of a number that is not a single one.
    pub(crate) shape: Vec<u64>,
    /// Of a category, in the order of the network's outputs.
    #[schema(example = json!(["setosa", "versicolor", "virginica"]))]
    pub(crate) classes: Vec<String>,
}

impl VersionView {
    pub(crate) fn new(version: store::ModelVersion, description: Description) -> Self {
        Self {
            model: version.name,
            version: version.version,
            aliases: version.aliases,
            job: version.job.0,
            run: version.run.0,
            output: version.output,
            created_at: Time(version.created_at),
            spec: version.spec,
            metrics: version.metrics,
            inputs: description.inputs.into_iter().map(InputView::from).collect(),
            outputs: description.outputs.into_iter().map(OutputView::from).collect(),
            bytes: version.bytes,
            sha256: version.sha256,
        }
    }
}

impl From<DescribedInput> for InputView {
    fn from(input: DescribedInput) -> Self {
        Self {
            name: input.name,
            kind: input.kind,
            dtype: input.dtype,
            shape: input.shape,
            classes: input.classes,
            optional: input.optional,
        }
    }
}

impl From<DescribedOutput> for OutputView {
    fn from(output: DescribedOutput) -> Self {
        Self { name: output.name, kind: output.kind, shape: output.shape, classes: output.classes }
    }
}
