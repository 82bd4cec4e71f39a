//! Why a call of a model has no answer.

use crate::artifacts::ArtifactError;
use crate::spec::SpecErrors;
use crate::store::StoreError;

#[derive(Clone, Debug, thiserror::Error)]
pub enum InferenceError {
    /// The body says something that the model or the data set contradicts.
    #[error("{0}")]
    Refused(SpecErrors),
    #[error("there is no model \"{model}\"")]
    UnknownModel { model: String },
    #[error("model \"{model}\" has no version \"{version}\"")]
    UnknownVersion { model: String, version: String },
    /// The data set that the model learned from is not there, or the model does not say which it was.
    #[error("{0}")]
    NoData(String),
    /// What is asked for is no part of the data set.
    #[error("{0}")]
    NoPart(String),
    #[error("the request holds {found} examples; at most {limit} are taken at once")]
    TooManyExamples { found: usize, limit: usize },
    /// As many requests wait for the model as may.
    #[error("{limit} requests wait for the model already")]
    QueueFull { limit: usize },
    /// It is not awaited any longer.
    #[error("the model did not answer within {patience:?}")]
    TooSlow { patience: std::time::Duration },
    /// The models that are in use leave no memory for this one.
    #[error("the memory for models is held by models that are in use")]
    Busy,
    #[error(
        "the model takes {needed} bytes of memory, and the server lends {budget} to all of its models together"
    )]
    TooLarge { needed: u64, budget: u64 },
    /// The server is stopping, or the version was deleted while the request waited.
    #[error("the model has been unloaded")]
    Unloaded,
    /// What went wrong inside; told to the log and not to the client.
    #[error("{0}")]
    Internal(String),
}

impl From<StoreError> for InferenceError {
    fn from(error: StoreError) -> Self {
        Self::Internal(error.to_string())
    }
}

impl From<ArtifactError> for InferenceError {
    fn from(error: ArtifactError) -> Self {
        Self::Internal(error.to_string())
    }
}
