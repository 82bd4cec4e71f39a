//! What a run tells of itself, and what it is told.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

/// One thing that a run reports. Reports of a run are applied in their order, each once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Report {
    /// The run is under way on this device (`cpu`, `cuda:0`).
    Started {
        device: String,
        threads: u32,
        fingerprint: Fingerprint,
        from_step: u64,
    },
    Progress(Progress),
    Metrics {
        points: Vec<Point>,
    },
    Log {
        level: LogLevel,
        message: String,
    },
    /// A checkpoint stands, synced, under this key.
    Checkpoint {
        step: u64,
        epoch: f64,
        key: String,
        sha256: String,
        bytes: u64,
    },
    /// Any other file that the run made.
    Artifact {
        name: String,
        media_type: String,
        key: String,
        sha256: String,
        bytes: u64,
    },
    /// A trained network of the method's stands under this key prefix; it becomes a model version when the run
    /// succeeds. `output` tells the models of one job apart; a method with one model leaves it empty.
    Model {
        output: String,
        key: String,
        sha256: String,
        bytes: u64,
        /// `null` in JSON where a value is not finite.
        #[serde(serialize_with = "all_finite_or_null", deserialize_with = "nulls_as_nan")]
        metrics: BTreeMap<String, f64>,
    },
    /// What the run found out, where its method's result is no model.
    Result {
        result: Map<String, Value>,
    },
    Finished {
        outcome: Outcome,
    },
}

/// A point of a series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    pub name: String,
    pub step: u64,
    /// Examples seen over examples in an epoch.
    pub epoch: f64,
    /// Unix time in microseconds.
    pub time: i64,
    /// `null` in JSON where it is not finite.
    #[serde(serialize_with = "finite_or_null", deserialize_with = "null_as_nan")]
    pub value: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn finite_or_null<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if value.is_finite() { serializer.serialize_f64(*value) } else { serializer.serialize_none() }
}

fn null_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    Ok(Option::<f64>::deserialize(deserializer)?.unwrap_or(f64::NAN))
}

fn all_finite_or_null<S: Serializer>(
    values: &BTreeMap<String, f64>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_map(values.iter().map(|(name, value)| (name, value.is_finite().then_some(*value))))
}

fn nulls_as_nan<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, f64>, D::Error> {
    let values = BTreeMap::<String, Option<f64>>::deserialize(deserializer)?;
    Ok(values.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Epochs begun, from 1; 0 before the first.
    pub epoch: u64,
    pub epochs: u64,
    pub step: u64,
    pub steps: u64,
    /// 0 to 1.
    pub fraction: f64,
    /// Seconds to go, once that can be told.
    pub eta_seconds: Option<f64>,
    pub examples_per_second: f64,
}

/// What a run computed with; runs under equal fingerprints give equal bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    pub build: String,
    pub libtorch: String,
    /// libtorch's CPU capability, such as `AVX512`.
    pub cpu: String,
    pub threads: u32,
    pub device: String,
}

crate::choices! {
    pub enum LogLevel { Info = "info", Warning = "warning", Error = "error" }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum Outcome {
    Succeeded,
    Failed {
        error: RunError,
    },
    /// Ended because it was told to stop for good.
    Cancelled,
    /// Ended behind a checkpoint, to go on later.
    Stopped,
}

/// Why a run failed, for the one who posted the job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    pub kind: ErrorKind,
    pub detail: String,
    /// What to do about it.
    pub hint: Option<String>,
}

crate::choices! {
    pub enum ErrorKind {
        Diverged = "diverged",
        Timeout = "timeout",
        OutOfMemory = "out_of_memory",
        Lost = "lost",
        Data = "data",
        Shutdown = "shutdown",
        Internal = "internal",
    }
}

/// What a run is told in answer to its reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Control {
    #[default]
    Continue,
    /// Write a checkpoint and end as stopped.
    Pause,
    /// End as cancelled.
    Stop,
}
