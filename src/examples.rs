//! The jobs in `examples` as part of the program: bodies to begin with, and the data sets that they need.

use std::sync::LazyLock;

use serde_json::Value;

/// The page that tells of each what it shows; its tables are what [`all`] tells.
const PAGE: &str = include_str!("../examples/README.md");

/// Every body in `examples` that can be posted as it stands, by its name.
macro_rules! bodies {
    ($($name:literal),* $(,)?) => {
        const BODIES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../examples/", $name, ".json")))),*];
    };
}

/// Every data set in `examples`, by its file's name.
macro_rules! data {
    ($($file:literal),* $(,)?) => {
        const DATA: &[DataFile] =
            &[$(DataFile { name: $file, bytes: include_bytes!(concat!("../examples/", $file)) }),*];
    };
}

bodies! {
    "activations-relu",
    "activations-sigmoid",
    "activations-tanh",
    "batch-sizes-1024",
    "batch-sizes-64",
    "batch-sizes-8",
    "breast-cancer-logistic-regression",
    "diabetes-regression",
    "digits-logistic-regression",
    "few-digits",
    "imbalance",
    "imbalance-weighted",
    "iris-logistic-regression",
    "iris-two-branches",
    "mnist-cnn",
    "mnist-fully-connected",
    "mnist-lab-cnn",
    "mnist-resnet",
    "multi-label",
    "optimizers-adadelta",
    "optimizers-adagrad",
    "optimizers-adam",
    "optimizers-adamax",
    "optimizers-adamw",
    "optimizers-lion",
    "optimizers-momentum",
    "optimizers-nadam",
    "optimizers-rmsprop",
    "optimizers-sgd",
    "overfitting",
    "overfitting-dropout",
    "overfitting-early-stopping",
    "perceptron",
    "random-labels",
    "rates-finder",
    "rates-large",
    "rates-right",
    "rates-small",
    "returns-logistic-regression",
    "two-inputs",
    "will-i-pass",
    "wine-cross-validation",
    "wine-logistic-regression",
}

data! {
    "breast-cancer.csv",
    "diabetes.csv",
    "digits.csv",
    "few-digits.npz",
    "imbalance.csv",
    "multi-label.csv",
    "perceptron.csv",
    "random-labels.csv",
    "returns.csv",
    "two-inputs.npz",
    "will-i-pass.csv",
    "wine.csv",
}

/// The upload of a data set.
#[derive(Debug)]
pub struct DataFile {
    /// The data set's name, and its format behind a dot.
    pub name: &'static str,
    pub bytes: &'static [u8],
}

impl DataFile {
    fn is_of(&self, dataset: &str) -> bool {
        self.name.rsplit_once('.').is_some_and(|(stem, _)| stem == dataset)
    }
}

/// A job to begin with.
#[derive(Debug)]
pub struct Example {
    pub name: &'static str,
    /// The heading that it stands under.
    pub group: &'static str,
    /// What it shows, in a line.
    pub shows: String,
    /// The data set that it learns from.
    pub dataset: String,
    /// Of a data set that does not come with the server.
    pub data: Option<&'static DataFile>,
    /// The model that it begins with, which another example makes.
    pub model: Option<String>,
    pub body: &'static str,
}

static EXAMPLES: LazyLock<Vec<Example>> = LazyLock::new(|| {
    let found = rows(PAGE).filter_map(|row| {
        let &(name, body) = BODIES.iter().find(|(name, _)| *name == row.name)?;
        Example::read(name, body, &row)
    });
    found.collect()
});

/// The examples, in the order of their page.
pub fn all() -> &'static [Example] {
    &EXAMPLES
}

/// An example by its name.
pub fn named(name: &str) -> Option<&'static Example> {
    all().iter().find(|example| example.name == name)
}

impl Example {
    fn read(name: &'static str, body: &'static str, row: &Row<'static>) -> Option<Self> {
        let read: Value = serde_json::from_str(body).ok()?;
        let text = |pointer: &str| read.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        let dataset = text("/training/dataset/name")?;
        let data = DATA.iter().find(|file| file.is_of(&dataset));
        let model = text("/training/initialize_from/model");
        Some(Self { name, group: row.group, shows: row.shows.replace('`', ""), dataset, data, model, body })
    }
}

/// A line of the page's tables.
struct Row<'a> {
    group: &'a str,
    name: &'a str,
    shows: &'a str,
}

/// The lines that begin with a file's name, such as `` | `iris.json` | what it shows | ``.
fn rows(page: &str) -> impl Iterator<Item = Row<'_>> {
    let mut group = "";
    page.lines().filter_map(move |line| {
        if let Some(heading) = line.strip_prefix("## ") {
            group = heading;
        }
        let (name, cells) = line.strip_prefix("| `")?.split_once(".json` | ")?;
        let (shows, _) = cells.split_once(" |")?;
        Some(Row { group, name, shows })
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::spec::Name;

    fn files(endings: &[&str]) -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
        let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names
            .map(|name| name.into_string().unwrap())
            .filter(|name| endings.iter().any(|ending| name.ends_with(ending)))
            .collect();
        names.sort();
        names
    }

    #[test]
    fn every_file_is_in_the_program_with_its_line() {
        let mut told: Vec<String> = all().iter().map(|example| format!("{}.json", example.name)).collect();
        told.sort();
        let mut bodies = files(&[".json"]);
        // Its reader is to name a data set of his own.
        bodies.retain(|file| file != "images-28.json");
        assert_eq!(told, bodies);
        assert_eq!(DATA.iter().map(|file| file.name).collect::<Vec<_>>(), files(&[".csv", ".npz"]));
        for example in all() {
            assert!(example.shows.len() > 10 && !example.group.is_empty(), "{example:?}");
        }
    }

    #[test]
    fn an_example_can_be_posted_once_its_data_is_there() {
        for example in all() {
            let shipped = ["iris", "mnist"].contains(&example.dataset.as_str());
            assert!(Name::new(&example.dataset).is_some(), "{example:?}");
            assert_eq!(example.data.is_none(), shipped, "{example:?}");
            let made = |model: &str| all().iter().any(|other| other.name == model);
            assert!(example.model.as_deref().is_none_or(made), "{example:?}");
        }
        assert_eq!(named("few-digits").unwrap().model.as_deref(), Some("mnist-lab-cnn"));
        assert!(named("images-28").is_none());
    }
}
