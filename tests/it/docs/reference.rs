//! Markdown of what the registries and the command line declare.

use std::fmt::Write as _;

use lyceum::nn::schedules::WarmUp;
use lyceum::spec::dataset::DatasetRef;
use lyceum::spec::{
    CheckpointPolicy, ComponentInfo, FieldInfo, JobSpec, NodeOptions, Record, ReportPolicy, Resources,
};
use lyceum::train::methods::learning_rate_finder::LearningRateFinder;
use lyceum::train::methods::supervised::{EarlyStoppingSpec, Supervised, WeightAverage};
use lyceum::train::plan::components::registries;
use serde_json::Value;

pub(super) fn spec() -> String {
    let mut page = String::new();
    let mut section = |heading: &str, text: String, fields: Vec<FieldInfo>| {
        let _ = write!(page, "## {heading}\n{}\n\n{}\n", line(&text), table(&fields));
    };
    section("The job", JobSpec::documentation(), JobSpec::fields());
    section("`resources`", Resources::documentation(), Resources::fields());
    section("`checkpoint`", CheckpointPolicy::documentation(), CheckpointPolicy::fields());
    section("`report`", ReportPolicy::documentation(), ReportPolicy::fields());
    section("`training` with method `supervised`", Supervised::documentation(), Supervised::fields());
    section("`training.dataset`", DatasetRef::documentation(), DatasetRef::fields());
    section("`training.early_stopping`", EarlyStoppingSpec::documentation(), EarlyStoppingSpec::fields());
    section("`training.weight_average`", WeightAverage::documentation(), WeightAverage::fields());
    section(
        "`training` with method `learning_rate_finder`",
        LearningRateFinder::documentation(),
        LearningRateFinder::fields(),
    );
    section("Beside the fields of any schedule", WarmUp::documentation(), WarmUp::fields());
    section(
        "What every layer may say beside its own fields",
        NodeOptions::documentation(),
        NodeOptions::fields(),
    );
    for registry in registries() {
        let components = registry.components.iter().map(component).collect::<String>();
        let _ = write!(page, "## {}\n\n{components}", registry.title);
    }
    page
}

fn component(component: &ComponentInfo) -> String {
    let fields = if component.fields.is_empty() { String::new() } else { table(&component.fields) + "\n" };
    let (name, what, example) = (component.name, line(&component.documentation), component.example("type"));
    format!("### `{name}`\n{what}\n\n{fields}```json\n{example}\n```\n\n")
}

fn table(fields: &[FieldInfo]) -> String {
    let mut table = String::from("| field | value | default | |\n|---|---|---|---|\n");
    for field in fields {
        let default = match &field.default {
            None => "required".to_owned(),
            Some(Value::Null) => String::new(),
            Some(default) => format!("`{default}`"),
        };
        let (name, value, what) = (field.name, value(&field.schema), line(&field.documentation));
        let _ = writeln!(table, "| `{name}` | {} | {} | {} |", cell(&value), cell(&default), cell(&what));
    }
    table
}

/// What may stand in a field, in a few words; nothing where it takes more than that.
fn value(schema: &Value) -> String {
    if let Some(choices) = schema["anyOf"].as_array() {
        let told: Vec<String> = choices.iter().filter(|choice| choice["type"] != "null").map(value).collect();
        return if let [one] = &told[..] { one.clone() } else { String::new() };
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.iter().find(|kind| *kind != "null").cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    let what = match kind.as_str() {
        Some("integer") => "a whole number",
        Some("number") => "a number",
        Some("boolean") => return "`true` or `false`".into(),
        Some("string") => return "a text".into(),
        _ => return String::new(),
    };
    let bound = |key: &str, word: &str| {
        let bound = &schema[key];
        if bound.is_null() { String::new() } else { format!("{word} {bound}") }
    };
    let bounds = [
        bound("minimum", "from"),
        bound("exclusiveMinimum", "above"),
        bound("maximum", "to"),
        bound("exclusiveMaximum", "below"),
    ];
    let bounds: Vec<String> = bounds.into_iter().filter(|bound| !bound.is_empty()).collect();
    if bounds.is_empty() { what.into() } else { format!("{what} {}", bounds.join(" ")) }
}

/// Every setting of the server, by its heading.
pub(super) fn settings(command: &clap::Command) -> String {
    let mut page = String::new();
    let mut heading = None;
    for argument in command.get_arguments().filter(|argument| argument.get_long() != Some("help")) {
        let next = argument.get_help_heading().unwrap_or("The server");
        if heading != Some(next) {
            let _ = write!(
                page,
                "\n## {next}\n| in the file | flag | variable | default | |\n|---|---|---|---|---|\n"
            );
            heading = Some(next);
        }
        let long = argument.get_long().unwrap_or_else(|| panic!("{} has no flag", argument.get_id()));
        let variable = argument.get_env().unwrap_or_else(|| panic!("--{long} has no variable"));
        let default = argument.get_default_values();
        let default = default.first().map_or(String::new(), |value| format!("`{}`", value.to_string_lossy()));
        let what = argument.get_help().map(ToString::to_string).unwrap_or_default();
        let variable = variable.to_string_lossy();
        let _ =
            writeln!(page, "| `{long}` | `--{long}` | `{variable}` | {default} | {} |", cell(&line(&what)));
    }
    page
}

fn line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
