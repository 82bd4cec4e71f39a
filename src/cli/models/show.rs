//! `lyceum models show`.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Model;
use crate::cli::client::Client;
use crate::cli::datasets::{classes, shape};
use crate::cli::table::Table;
use crate::cli::{Exit, figures, input, output, watch};

/// Show a model: what it takes, what it answers, how good it is, and which job made it.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  lyceum models show iris\n  lyceum models show iris@2 --json | jq .spec\n\n\
    With --json, NAME alone is the model with its versions and aliases, NAME@VERSION that version."
)]
pub(super) struct Show {
    /// The model, `NAME` or `NAME@VERSION`; a version is a number or an alias.
    model: String,
}

impl Show {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let (name, version) = input::named(&self.model);
        let of_version = ["v1", "models", name, "versions", version.unwrap_or("latest")];
        if client.json {
            let path = if version.is_some() { &of_version[..] } else { &of_version[..3] };
            return output::json(&client.get(path).await?);
        }
        let model: Model = client.read(client.get(&of_version[..3]).await?)?;
        let shown: Version = client.read(client.get(&of_version).await?)?;
        output::line(shown.describe(&model))
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
    aliases: Vec<String>,
    job: String,
    created_at: String,
    metrics: Map<String, Value>,
    inputs: Vec<Column>,
    outputs: Vec<Column>,
    bytes: u64,
    sha256: String,
}

#[derive(Deserialize)]
struct Column {
    name: String,
    kind: String,
    shape: Vec<u64>,
    classes: Vec<String>,
    #[serde(default)]
    optional: bool,
}

impl Version {
    fn describe(&self, model: &Model) -> String {
        let mut fields = Table::fields();
        fields.field("model", &model.name[..]);
        let versions: Vec<String> = model.versions.iter().map(u32::to_string).collect();
        fields.field("version", format!("{} (of {})", self.version, versions.join(", ")));
        if !self.aliases.is_empty() {
            fields.field("aliases", self.aliases.join(", "));
        }
        let metrics: Vec<String> = watch::metrics(&self.metrics)
            .into_iter()
            .map(|(name, value)| format!("{name} {value}"))
            .collect();
        fields.field("metrics", metrics.join("  "));
        fields.field("job", &self.job[..]);
        fields.field("created", figures::moment(&self.created_at));
        fields.field("weights", format!("{}, sha256 {}", figures::bytes(self.bytes), self.sha256));

        let mut columns = Table::new(&["", "NAME", "KIND", "SHAPE", "CLASSES"]);
        for (role, listed) in [("takes", &self.inputs), ("answers", &self.outputs)] {
            for column in listed {
                let role = if column.optional { format!("{role} (optional)") } else { role.to_owned() };
                let (shape, classes) = (shape(&column.shape), classes(&column.classes));
                columns.row([role, column.name.clone(), column.kind.clone(), shape, classes]);
            }
        }
        format!("{fields}\n\n{columns}")
    }
}
