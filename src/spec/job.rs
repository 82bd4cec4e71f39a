//! The body of `POST /v1/jobs`, but for what belongs to its training method.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::field::found;
use super::{
    Attempts, Component, Epochs, Field, Megabytes, Name, Pointer, Priority, Record, Seconds, Seed, Size,
    SpecErrors, Threads,
};

/// The version of the format of specs that this program writes.
pub const SPEC_VERSION: u32 = 1;

crate::record! {
    /// A training job: what to train on what, with what, and how it is queued and kept.
    pub struct JobSpec {
        /// The job's name.
        pub name: Name,
        /// The training method, in `method`, and the method's own fields.
        pub training: Training,
        /// Every random choice derives from it; drawn, and stored, where it is absent.
        pub seed: Option<Seed> = None,
        /// What the job takes while it runs.
        pub resources: Resources = Resources::default(),
        /// Greater goes first; jobs of one priority go by age.
        pub priority: Priority = Priority::clamped(0),
        /// How many runs a job may take that is lost or crashes.
        pub max_attempts: Attempts = Attempts::clamped(3),
        /// Running time over all runs after which the job fails; none where it is absent.
        pub timeout_seconds: Option<Seconds> = None,
        /// When the state of training is kept.
        pub checkpoint: CheckpointPolicy = CheckpointPolicy::default(),
        /// How often training reports by step.
        pub report: ReportPolicy = ReportPolicy::default(),
        /// Whether to measure where the time of each step goes: the job keeps the artifact `profile.json`, a trace that
        /// Chrome and Perfetto show, and logs each phase's share. On a GPU it makes the run slower.
        pub profile: bool = false,
        /// The model that a success makes a version of; the job's name where it is absent. It is not `stats`, by whose
        /// address all models are told of.
        pub model_name: Option<Name> = None,
        /// Words of the user's own, to find jobs by.
        pub labels: Labels = Labels::default(),
        /// The version of this format; it stands in stored specs.
        pub spec_version: SpecVersion = SpecVersion,
    }
}

crate::record! {
    /// What a job takes while it runs.
    #[derive(Eq)]
    pub struct Resources {
        /// `auto` (a GPU where one is free, else the CPU), `cpu`, `cuda` or `cuda:N`.
        pub device: Device = Device::Auto,
        /// CPU threads.
        pub threads: Threads = Threads::clamped(1),
        /// Memory in MiB, beyond which a run on the CPU fails.
        pub memory_mb: Megabytes = Megabytes::clamped(4_096),
    }
}

impl Default for Resources {
    fn default() -> Self {
        Self { device: Device::Auto, threads: Threads::clamped(1), memory_mb: Megabytes::clamped(4_096) }
    }
}

crate::record! {
    /// When a checkpoint is written: at the end of every so many epochs, and at the first step after so many seconds.
    #[derive(Eq)]
    pub struct CheckpointPolicy {
        /// Epochs between checkpoints; none by epochs where it is `null`.
        pub every_epochs: Option<Size> = Some(Size::clamped(1)),
        /// Seconds between checkpoints; none by time where it is absent.
        pub every_seconds: Option<Seconds> = None,
        /// How many of the newest are kept.
        pub keep: Keep = Keep::default(),
    }
}

impl Default for CheckpointPolicy {
    fn default() -> Self {
        Self { every_epochs: Some(Size::clamped(1)), every_seconds: None, keep: Keep::default() }
    }
}

crate::record! {
    /// How often training reports by step.
    #[derive(Eq, Default)]
    pub struct ReportPolicy {
        /// Steps between the points of `step_loss`; by default so that a run makes at most 10,000.
        pub every_steps: Option<Epochs> = None,
    }
}

/// How many checkpoints are kept: 1 to 100, by default 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep(u32);

impl Keep {
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self(2)
    }
}

impl Field for Keep {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read =
            super::field::whole(value).and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=100).contains(n));
        if read.is_none() {
            errors.push(at, format!("must be a whole number from 1 to 100, not {}", found(value)));
        }
        read.map(Self)
    }

    fn write(&self) -> Value {
        json!(self.0)
    }

    fn schema() -> Value {
        json!({"type": "integer", "minimum": 1, "maximum": 100})
    }
}

/// Where a job computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    Auto,
    Cpu,
    /// A GPU; any free one where no index is said.
    Cuda(Option<u32>),
}

impl std::fmt::Display for Device {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(None) => f.write_str("cuda"),
            Self::Cuda(Some(index)) => write!(f, "cuda:{index}"),
        }
    }
}

impl std::str::FromStr for Device {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(None)),
            _ => {
                let index =
                    text.strip_prefix("cuda:").and_then(|index| index.parse().ok()).filter(|n| *n < 64);
                index.map(|index| Self::Cuda(Some(index))).ok_or(())
            }
        }
    }
}

impl Field for Device {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let read = value.as_str().and_then(|text| text.parse().ok());
        if read.is_none() {
            errors.push(at, format!("must be auto, cpu, cuda or cuda:N, not {}", found(value)));
        }
        read
    }

    fn write(&self) -> Value {
        Value::String(self.to_string())
    }

    fn schema() -> Value {
        json!({"type": "string", "pattern": "^(auto|cpu|cuda(:[0-9]{1,2})?)$"})
    }
}

/// The training method's envelope: its name in `method`, the rest unread.
#[derive(Clone, Debug, PartialEq)]
pub struct Training(pub Component);

impl Field for Training {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        if !value.is_object() {
            errors.push(at, format!("must be an object with \"method\", not {}", found(value)));
            return None;
        }
        Component::read(value, "method", at, errors).map(Self)
    }

    fn write(&self) -> Value {
        Value::Object(self.0.fields.clone())
    }

    /// The methods' own schemas stand where the methods are known.
    fn schema() -> Value {
        json!({"$ref": "#/components/schemas/Training"})
    }
}

/// Labels: at most 64, keys of 1 to 63 characters, values of at most 255.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels(pub BTreeMap<String, String>);

impl Field for Labels {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let labels = BTreeMap::<String, String>::read(value, at, errors)?;
        let before = errors.len();
        if labels.len() > 64 {
            errors.push(at, format!("must hold at most 64 labels, not {}", labels.len()));
        }
        for (key, label) in &labels {
            if key.is_empty() || key.chars().count() > 63 {
                errors.push(&at.key(key), "the name of a label must have 1 to 63 characters");
            }
            if label.chars().count() > 255 {
                errors.push(&at.key(key), "a label must have at most 255 characters");
            }
        }
        (errors.len() == before).then_some(Self(labels))
    }

    fn write(&self) -> Value {
        self.0.write()
    }

    fn schema() -> Value {
        json!({"type": "object", "maxProperties": 64, "additionalProperties": {"type": "string", "maxLength": 255}})
    }
}

/// The one version of the format that this program reads and writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpecVersion;

impl Field for SpecVersion {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        if super::field::whole(value) == Some(i64::from(SPEC_VERSION)) {
            return Some(Self);
        }
        errors.push(at, format!("must be {SPEC_VERSION}, not {}", found(value)));
        None
    }

    fn write(&self) -> Value {
        json!(SPEC_VERSION)
    }

    fn schema() -> Value {
        json!({"const": SPEC_VERSION})
    }
}

impl JobSpec {
    /// Reads a body's envelope. What `training` holds is read by its method, into the same errors.
    pub fn read_body(body: &Value, errors: &mut SpecErrors) -> Option<Self> {
        let Some(members) = body.as_object() else {
            errors.push(&Pointer::root(), format!("must be an object, not {}", found(body)));
            return None;
        };
        Self::read_fields(members, &Pointer::root(), "a job", &[], errors)
    }

    /// The model's name: `model_name`, or the job's own.
    pub fn model(&self) -> &Name {
        self.model_name.as_ref().unwrap_or(&self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_written_out() {
        let mut errors = SpecErrors::new();
        let body = json!({"name": "a", "training": {"method": "supervised", "epochs": 3}});
        let spec = JobSpec::read_body(&body, &mut errors).unwrap();
        let written = spec.write();
        assert_eq!(written["resources"], json!({"device": "auto", "threads": 1, "memory_mb": 4096}));
        assert_eq!(written["checkpoint"], json!({"every_epochs": 1, "every_seconds": null, "keep": 2}));
        assert_eq!(written["training"], body["training"]);
        assert_eq!(written["spec_version"], 1);
        assert_eq!(JobSpec::read_body(&written, &mut errors).unwrap(), spec);
        assert!(errors.is_empty());
    }

    #[test]
    fn a_body_that_is_no_object_is_told_so() {
        let mut errors = SpecErrors::new();
        assert!(JobSpec::read_body(&json!([1]), &mut errors).is_none());
        assert_eq!(errors.to_string(), "(the body): must be an object, not an array");
    }
}
