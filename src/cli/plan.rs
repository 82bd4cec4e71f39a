//! `lyceum plan`: what a job would be.

use std::path::PathBuf;

use serde::Deserialize;

use super::client::Client;
use super::table::Table;
use super::{Exit, block_on, figures, input, output};
use crate::config;

/// Check a job without running it: its layers, shapes and parameters, or every mistake at once.
#[derive(clap::Args)]
#[command(
    after_help = "Example:\n  lyceum plan job.json\n\nExit codes: 0 the job could run, 2 it is refused."
)]
pub(super) struct Plan {
    /// The job's JSON; `-` reads it from standard input.
    file: PathBuf,
    #[command(flatten)]
    client: config::Client,
}

impl Plan {
    pub(super) fn run(self) -> Result<(), Exit> {
        let client = Client::new(&self.client)?;
        let body = input::read(&self.file)?;
        block_on(async {
            let plan = client.post(&["v1", "plans"], body).await?;
            if client.json {
                return output::json(&plan);
            }
            let plan: Resolved = client.read(plan)?;
            output::line(plan.summary())
        })
    }
}

#[derive(Deserialize)]
struct Resolved {
    nodes: Vec<Node>,
    parameters: Parameters,
    step: Step,
    steps_per_epoch: u64,
    rewrites: Vec<Rewrite>,
    warnings: Vec<String>,
    spec: Spec,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    r#type: String,
    inputs: Vec<String>,
    output_shape: Vec<u64>,
    parameters: u64,
}

#[derive(Deserialize)]
struct Parameters {
    total: u64,
    trainable: u64,
}

#[derive(Deserialize)]
struct Step {
    memory_bytes: u64,
    flops: u64,
}

#[derive(Deserialize)]
struct Rewrite {
    name: String,
    nodes: Vec<String>,
}

#[derive(Deserialize)]
struct Spec {
    name: String,
}

impl Resolved {
    /// The table that Keras prints as `summary()`, and what a step takes.
    fn summary(&self) -> String {
        let mut lines = vec![format!("Model: \"{}\"", self.spec.name), boxed(&self.table())];
        let Parameters { total, trainable } = self.parameters;
        for (what, parameters) in
            [("Total", total), ("Trainable", trainable), ("Non-trainable", total - trainable)]
        {
            let size = figures::bytes(4 * parameters);
            lines.push(format!(" {what} params: {} ({size})", figures::count(parameters)));
        }
        lines.push(format!(
            " Steps per epoch: {}; a step takes {} and {}FLOP",
            figures::count(self.steps_per_epoch),
            figures::bytes(self.step.memory_bytes),
            spaced(&figures::operations(self.step.flops)),
        ));
        for rewrite in &self.rewrites {
            lines.push(format!(" Rewritten: {} ({})", rewrite.name, rewrite.nodes.join(", ")));
        }
        lines.extend(self.warnings.iter().map(|warning| format!(" Warning: {warning}")));
        lines.join("\n")
    }

    fn table(&self) -> Table {
        let mut header = vec!["Layer (type)", "Output Shape", "Param #"];
        let graph = !self.is_sequence();
        if graph {
            header.push("Connected to");
        }
        let mut table = Table::new(&header).figures(&[2]);
        for node in &self.nodes {
            let shape: Vec<String> = node.output_shape.iter().map(u64::to_string).collect();
            let mut cells = vec![
                format!("{} ({})", node.name, node.r#type),
                format!("({})", shape.join(", ")),
                figures::count(node.parameters),
            ];
            if graph {
                cells.push(if node.inputs.is_empty() { "-".into() } else { node.inputs.join(", ") });
            }
            table.push(cells);
        }
        table
    }

    /// Whether each node takes what stands before it.
    fn is_sequence(&self) -> bool {
        let follows = |pair: &[Node]| pair[1].inputs == [pair[0].name.clone()];
        self.nodes.windows(2).all(follows)
    }
}

/// A figure before its unit.
fn spaced(figure: &str) -> String {
    if figure.ends_with(|last: char| last.is_ascii_digit()) {
        format!("{figure} ")
    } else {
        figure.to_owned()
    }
}

/// A table within lines.
fn boxed(table: &Table) -> String {
    let rule = |left: &str, line: &str, cross: &str, right: &str| {
        let parts: Vec<String> = table.widths().iter().map(|width| line.repeat(width + 2)).collect();
        format!("{left}{}{right}", parts.join(cross))
    };
    let mut lines = vec![rule("┏", "━", "┳", "┓")];
    for (index, row) in table.filled().iter().enumerate() {
        match index {
            0 => lines.extend([format!("┃ {} ┃", row.join(" ┃ ")), rule("┡", "━", "╇", "┩")]),
            _ => lines.push(format!("│ {} │", row.join(" │ "))),
        }
    }
    lines.push(rule("└", "─", "┴", "┘"));
    lines.join("\n")
}
