//! How the failures of the other modules, which know nothing of HTTP, are told.

use std::io::ErrorKind::{NotFound, PermissionDenied, ReadOnlyFilesystem};

use super::problem::{Kind, Problem};
use crate::artifacts::ArtifactError;
use crate::data::RefusalKind;
use crate::inference::InferenceError;
use crate::jobs::{DatasetError, ImportError, OverBudget, SubmitError};
use crate::store::StoreError;

/// What is told of a disk without room.
const FULL: &str = "the disk of the server is full";

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound(what) => Self::not_found(format!("such {what}")),
            StoreError::Conflict(conflict) => Self::new(Kind::Conflict, conflict.to_string()),
            StoreError::TooManyJobs { .. } => {
                Self::too_many(error.to_string(), 30).for_want_of("jobs_per_key")
            }
            StoreError::Full => Self::storage_full(FULL).because(StoreError::Full).for_want_of("disk"),
            StoreError::Busy => {
                Self::unavailable("another process holds the server's database", 5).because(StoreError::Busy)
            }
            StoreError::Closed => Self::unavailable("the server is about to end", 5),
            other => Self::internal(other),
        }
    }
}

impl From<ArtifactError> for Problem {
    fn from(error: ArtifactError) -> Self {
        match error {
            ArtifactError::NotFound(_) | ArtifactError::Key(_) => Self::not_found("such file"),
            ArtifactError::Full => Self::storage_full(FULL).because(ArtifactError::Full).for_want_of("disk"),
            ArtifactError::Io(cause)
                if matches!(cause.kind(), NotFound | ReadOnlyFilesystem | PermissionDenied) =>
            {
                Self::unavailable("the data folder of the server cannot be written", 60).because(cause)
            }
            other => Self::internal(other),
        }
    }
}

impl From<InferenceError> for Problem {
    fn from(error: InferenceError) -> Self {
        let detail = error.to_string();
        match error {
            InferenceError::Refused(errors) => errors.into(),
            InferenceError::UnknownModel { .. } | InferenceError::UnknownVersion { .. } => {
                Self::new(Kind::NotFound, detail)
            }
            InferenceError::NoData(_) => Self::new(Kind::Conflict, detail),
            InferenceError::NoPart(_) => Self::new(Kind::BadQuery, detail),
            InferenceError::TooManyExamples { .. } => Self::new(Kind::TooLarge, detail),
            InferenceError::QueueFull { .. } => Self::too_many(detail, 1).for_want_of("model_queue"),
            InferenceError::Busy | InferenceError::Unloaded | InferenceError::TooSlow { .. } => {
                Self::unavailable(detail, 1)
            }
            InferenceError::TooLarge { .. } => Self::unavailable(detail, 60),
            InferenceError::Internal(cause) => Self::internal(cause),
        }
    }
}

impl From<SubmitError> for Problem {
    fn from(error: SubmitError) -> Self {
        let detail = error.to_string();
        match error {
            SubmitError::Refused(errors) => errors.into(),
            SubmitError::Unavailable(_) => Self::unavailable(detail, 5),
            SubmitError::QueueFull(_) => Self::too_many(detail, 30).for_want_of("queue"),
            SubmitError::OverBudget(error) => error.into(),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<OverBudget> for Problem {
    fn from(error: OverBudget) -> Self {
        Self::storage_full(error.to_string()).for_want_of("disk_budget")
    }
}

impl From<ImportError> for Problem {
    fn from(error: ImportError) -> Self {
        let detail = error.to_string();
        match error {
            ImportError::Refused(refusal) => match refusal.kind {
                RefusalKind::TooLarge => Self::new(Kind::TooLarge, detail),
                RefusalKind::Unprocessable => Self::new(Kind::Invalid, detail),
            },
            ImportError::TooLong(_) | ImportError::TooMuch => Self::new(Kind::TooLarge, detail),
            ImportError::Store(error) => error.into(),
            ImportError::Artifact(error) => error.into(),
            ImportError::Io(error) => ArtifactError::from(error).into(),
            ImportError::Broken(_) => Self::internal(detail),
        }
    }
}

impl From<DatasetError> for Problem {
    fn from(error: DatasetError) -> Self {
        match error {
            DatasetError::Unknown => Self::not_found("such data set"),
            DatasetError::Store(error) => error.into(),
            DatasetError::Artifact(error) => error.into(),
            DatasetError::Data(error) => Self::internal(error),
        }
    }
}
