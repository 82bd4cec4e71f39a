//! A job as the API shows it, and as people read it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::cli::table::Table;
use crate::cli::{figures, watch};
use crate::spec::report::{Progress, RunError};

#[derive(Deserialize)]
pub(in crate::cli) struct Job {
    pub(in crate::cli) id: String,
    pub(in crate::cli) name: String,
    pub(in crate::cli) status: String,
    desired: Option<String>,
    priority: i32,
    labels: BTreeMap<String, String>,
    notes: String,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    queue_position: Option<u64>,
    progress: Progress,
    metrics: Map<String, Value>,
    runs: Vec<Run>,
    pub(in crate::cli) model: Option<Model>,
    error: Option<RunError>,
}

#[derive(Deserialize)]
struct Run {
    attempt: u32,
    status: String,
    device: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

#[derive(Deserialize)]
pub(in crate::cli) struct Model {
    pub(in crate::cli) name: String,
    pub(in crate::cli) version: u32,
}

impl Job {
    /// How it ended: what it made and how good that is, or why it failed.
    pub(in crate::cli) fn outcome(&self) -> String {
        let seconds = self.seconds().map(|seconds| format!(" in {}", figures::seconds(seconds)));
        let mut text = format!("{} {}{}", self.name, self.status, seconds.unwrap_or_default());
        if let Some(Model { name, version }) = &self.model {
            text = format!("{text}: model {name} version {version}");
        }
        if let Some(RunError { kind, detail, hint }) = &self.error {
            let hint = hint.as_ref().map(|hint| format!("\n{hint}"));
            return format!("{text}: {detail} ({}){}", kind.word(), hint.unwrap_or_default());
        }
        match &self.told_metrics()[..] {
            "" => text,
            metrics => format!("{text}\n{metrics}"),
        }
    }

    /// Everything about it that people ask for.
    pub(super) fn describe(&self) -> String {
        let mut fields = Table::fields();
        fields.field("job", &self.id[..]);
        fields.field("name", &self.name[..]);
        fields.field("status", self.told_status());
        if let Some(desired) = &self.desired {
            fields.field("asked to be", &desired[..]);
        }
        if let Some(model) = &self.model {
            fields.field("model", format!("{} version {}", model.name, model.version));
        }
        if let Some(error) = &self.error {
            fields.field("error", format!("{} ({})", error.detail, error.kind.word()));
            fields.field("hint", error.hint.clone().unwrap_or_else(|| "none".into()));
        }
        fields.field("metrics", self.told_metrics());
        fields.field("created", figures::moment(&self.created_at));
        for (name, time) in [("started", &self.started_at), ("finished", &self.finished_at)] {
            if let Some(time) = time {
                fields.field(name, figures::moment(time));
            }
        }
        fields.field("priority", self.priority.to_string());
        if !self.labels.is_empty() {
            let labels: Vec<String> =
                self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
            fields.field("labels", labels.join(" "));
        }
        if !self.notes.is_empty() {
            fields.field("notes", &self.notes[..]);
        }
        for run in &self.runs {
            fields.field(&format!("run {}", run.attempt), run.describe());
        }
        fields.to_string()
    }

    /// As a row of a list.
    pub(super) fn row(&self) -> [String; 6] {
        let loss = ["test_accuracy", "val_accuracy", "accuracy", "test_loss", "val_loss", "loss"];
        let best = loss.iter().find_map(|name| Some((name, self.metrics.get(*name)?.as_f64()?)));
        [
            self.id.clone(),
            self.name.clone(),
            self.status.clone(),
            format!("{:.0} %", 100.0 * self.progress.fraction),
            best.map(|(name, value)| format!("{name} {}", figures::value(value))).unwrap_or_default(),
            figures::moment(&self.created_at),
        ]
    }

    fn told_status(&self) -> String {
        let Progress { epoch, epochs, fraction, eta_seconds, .. } = &self.progress;
        match &self.status[..] {
            "queued" => match self.queue_position {
                Some(position) => format!("queued, in place {position}"),
                None => "queued".into(),
            },
            status @ ("succeeded" | "failed" | "cancelled") => status.to_owned(),
            status => {
                let eta = eta_seconds.map(|eta| format!(", ETA {}", figures::seconds(eta)));
                let percent = 100.0 * fraction;
                format!("{status}, epoch {epoch} of {epochs}, {percent:.0} %{}", eta.unwrap_or_default())
            }
        }
    }

    fn told_metrics(&self) -> String {
        let told = watch::metrics(&self.metrics).into_iter().map(|(name, value)| format!("{name} {value}"));
        told.collect::<Vec<_>>().join("  ")
    }

    /// Seconds of training of the run that ended it.
    fn seconds(&self) -> Option<f64> {
        self.runs.last()?.seconds()
    }
}

impl Run {
    fn seconds(&self) -> Option<f64> {
        figures::between(self.started_at.as_ref()?, self.finished_at.as_ref()?)
    }

    fn describe(&self) -> String {
        let took = self.seconds().map(|seconds| format!(" in {}", figures::seconds(seconds)));
        format!("{} on {}{}", self.status, self.device, took.unwrap_or_default())
    }
}
