//! `lyceum models predict`.

use std::path::PathBuf;

use reqwest::{Method, header};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::cli::client::Client;
use crate::cli::table::Table;
use crate::cli::{Exit, figures, input, output, say};

/// Call a model.
///
/// The input is an image, or JSON: one example as an object of named columns, a list of examples, or the whole body
/// with its "inputs".
#[derive(clap::Args)]
#[command(after_help = "Examples:
  lyceum models predict mnist digit.png
  lyceum models predict iris@production flowers.json
  echo '{\"sepal_length_cm\": 5.1, \"sepal_width_cm\": 3.5, \"petal_length_cm\": 1.4, \"petal_width_cm\": 0.2}' |
    lyceum models predict iris - --json

Exit codes: 0 answered, 2 there is no such model or an example is refused.")]
pub(super) struct Predict {
    /// The model, `NAME` or `NAME@VERSION`; a version is a number or an alias.
    model: String,
    /// A file of JSON, a PNG or a JPEG; `-` reads it from standard input.
    file: PathBuf,
}

impl Predict {
    pub(super) async fn run(self, client: &Client) -> Result<(), Exit> {
        let (media_type, body) = self.body(input::read(&self.file)?)?;
        let (name, version) = input::named(&self.model);
        let path = ["v1", "models", name, "versions", version.unwrap_or("latest"), "predict"];
        let request = client.request(Method::POST, &path).header(header::CONTENT_TYPE, media_type);
        let document = client.document(request.body(body)).await?;
        if client.json {
            return output::json(&document);
        }
        output::line(client.read::<Answer>(document)?.table())
    }

    fn body(&self, bytes: Vec<u8>) -> Result<(&'static str, Vec<u8>), Exit> {
        if bytes.starts_with(b"\x89PNG") {
            return Ok(("image/png", bytes));
        }
        if bytes.starts_with(&[0xff, 0xd8, 0xff]) {
            return Ok(("image/jpeg", bytes));
        }
        let document: Value = serde_json::from_slice(&bytes).map_err(|error| {
            say(format_args!("{} is neither JSON nor a PNG or a JPEG: {error}", self.file.display()));
            Exit::Refused
        })?;
        let whole = document.get("inputs").is_some();
        let body = if whole { bytes } else { json!({"inputs": document}).to_string().into_bytes() };
        Ok(("application/json", body))
    }
}

#[derive(Deserialize)]
struct Answer {
    predictions: Vec<Map<String, Value>>,
}

impl Answer {
    /// A row for each example.
    fn table(&self) -> Table {
        let mut header = vec!["#".to_owned()];
        header.extend(self.predictions.first().map(cells).into_iter().flatten().map(|(title, _)| title));
        let titles: Vec<&str> = header.iter().map(|title| &title[..]).collect();
        let mut table = Table::new(&titles).figures(&[0]);
        for (index, prediction) in self.predictions.iter().enumerate() {
            let mut row = vec![figures::count(index as u64 + 1)];
            row.extend(cells(prediction).into_iter().map(|(_, cell)| cell));
            table.push(row);
        }
        table
    }
}

/// The columns of a prediction: its class and the probabilities, its value, or each of several targets.
fn cells(prediction: &Map<String, Value>) -> Vec<(String, String)> {
    if let Some(class) = prediction.get("class") {
        let probability = prediction.get("probability").and_then(Value::as_f64);
        return vec![
            ("CLASS".into(), text(class)),
            (
                "PROBABILITY".into(),
                probability.map(|probability| format!("{probability:.4}")).unwrap_or_default(),
            ),
            ("OTHERS".into(), others(prediction, class)),
        ];
    }
    if let Some(value) = prediction.get("value") {
        return vec![("VALUE".into(), text(value))];
    }
    let target = |(name, of_target): (&String, &Value)| {
        let cells = of_target.as_object().map(cells).unwrap_or_default();
        let told: Vec<String> = cells.into_iter().take(2).map(|(_, cell)| cell).collect();
        (name.clone(), told.join(" "))
    };
    prediction.iter().map(target).collect()
}

/// The classes that come next.
fn others(prediction: &Map<String, Value>, class: &Value) -> String {
    const MOST: usize = 3;
    let all = prediction.get("probabilities").and_then(Value::as_object);
    let mut others: Vec<(&String, f64)> = all
        .into_iter()
        .flatten()
        .filter(|(name, _)| class != *name)
        .filter_map(|(name, probability)| Some((name, probability.as_f64()?)))
        .collect();
    others.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let told = others.iter().take(MOST).map(|(name, probability)| format!("{name} {probability:.4}"));
    told.collect::<Vec<_>>().join("  ")
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn predictions_of_every_kind_have_their_columns() {
    let told = |prediction: Value| {
        let predictions = vec![prediction.as_object().cloned().unwrap()];
        Answer { predictions }.table().to_string()
    };
    let class = json!({"class": "b", "probability": 0.75, "probabilities": {"a": 0.05, "b": 0.75, "c": 0.2}});
    assert_eq!(
        told(class.clone()),
        "#  CLASS  PROBABILITY  OTHERS\n1  b      0.7500       c 0.2000  a 0.0500"
    );
    assert_eq!(told(json!({"value": [1.5, 2.0]})), "#  VALUE\n1  [1.5,2.0]");
    assert_eq!(told(json!({"kind": class, "age": {"value": 3.25}})), "#  kind      age\n1  b 0.7500  3.25");
}
