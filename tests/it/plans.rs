//! What a plan says of a network, against what Keras says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lyceum::data::{Dataset, Format, Hints, ImportLimits, ImportRequest, import};
use lyceum::spec::report::Outcome;
use lyceum::train::model::{DOCUMENT_FILE, LoadedModel, WEIGHTS_FILE};
use lyceum::train::{self, Catalog, CatalogError, ModelFiles, Plan, PlanError, RecordingSink};
use serde_json::{Value, json};
use tch::Tensor;

use crate::support::mnist;

/// Classes of every data set here, one example each.
const CLASSES: usize = 10;

/// The one data set that a network is for.
struct Only(Arc<Dataset>);

impl Catalog for Only {
    fn dataset(&self, _name: &str, _version: Option<u32>) -> Result<Arc<Dataset>, CatalogError> {
        Ok(self.0.clone())
    }
}

/// `tests/golden/keras.py` makes the golden values.
#[test]
fn shapes_and_counts_are_those_of_keras() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/keras.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let networks = golden["networks"].as_array().unwrap();
    assert!(networks.len() >= 12);
    for network in networks {
        let name = &network["name"];
        let plan = plan(network).unwrap_or_else(|errors| panic!("{name}: {errors}"));
        let nodes = plan["nodes"].as_array().unwrap();
        let (inputs, layers): (Vec<_>, Vec<_>) = nodes.iter().partition(|node| node["type"] == "input");
        for input in inputs {
            let expected = &network["inputs"][input["name"].as_str().unwrap()];
            assert_eq!(&input["output_shape"], expected, "{name}: {input}");
        }
        let expected = network["nodes"].as_array().unwrap();
        assert_eq!(layers.len(), expected.len(), "{name}");
        for (layer, expected) in layers.iter().zip(expected) {
            for what in ["type", "output_shape", "parameters", "trainable"] {
                assert_eq!(layer[what], expected[what], "{name}: {what} of {layer}");
            }
        }
        assert_eq!(plan["parameters"]["total"], network["total"], "{name}");
    }
}

/// What comes out of networks whose weights the file holds, as constants: trained for no epoch and called.
#[test]
fn networks_give_what_keras_gives() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/keras.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let called = golden["networks"].as_array().unwrap().iter().filter(|network| network["output"].is_array());
    let mut count = 0;
    for network in called {
        assert!(network["nodes"].as_array().unwrap().len() >= 12, "{}", network["name"]);
        let plan = resolve(network, &json!({"epochs": 0})).unwrap();
        let mut sink = RecordingSink::default();
        assert_eq!(train::run(&plan, None, &mut sink), Outcome::Succeeded);
        let loaded = load(&sink.models[0]);
        let tensor = |(name, shape): (&String, &Value)| {
            let shape: Vec<i64> = serde_json::from_value(shape.clone()).unwrap();
            let values: Vec<f32> = serde_json::from_value(network["examples"][name].clone()).unwrap();
            Tensor::from_slice(&values).reshape([&[3], &shape[..]].concat())
        };
        let inputs: Vec<Tensor> = network["inputs"].as_object().unwrap().iter().map(tensor).collect();
        let found = Vec::<f32>::try_from(&loaded.forward(&inputs)[0].flatten(0, -1)).unwrap();
        let expected: Vec<f32> = serde_json::from_value(network["output"].clone()).unwrap();
        assert_eq!(found.len(), expected.len());
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-5, "{}: {found}, not {expected}", network["name"]);
        }
        count += 1;
    }
    assert!(count >= 6);
}

pub(crate) fn load(model: &ModelFiles) -> LoadedModel {
    let folder = tempfile::tempdir().unwrap();
    model.write_weights(std::fs::File::create(folder.path().join(WEIGHTS_FILE)).unwrap()).unwrap();
    std::fs::write(folder.path().join(DOCUMENT_FILE), &model.document).unwrap();
    LoadedModel::load(folder.path()).unwrap()
}

fn plan(network: &Value) -> Result<Value, PlanError> {
    Ok(resolve(network, &json!({}))?.answer())
}

/// The plan of a network's training on a set of one example a class; `more` are further fields of `training`.
pub(crate) fn resolve(network: &Value, more: &Value) -> Result<Plan, PlanError> {
    let inputs: BTreeMap<String, Vec<usize>> = serde_json::from_value(network["inputs"].clone()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = inputs.values().any(|shape| shape.len() == 3);
    let (format, bytes, target) = if image {
        (Format::Idx, images(&inputs["input"]), "label")
    } else {
        (Format::Csv, table(&inputs), "class")
    };
    let (source, out_dir) = (folder.path().join("upload"), folder.path().join("set"));
    std::fs::write(&source, bytes).unwrap();
    std::fs::create_dir(&out_dir).unwrap();
    let limits = ImportLimits::default();
    let request = ImportRequest {
        format,
        name: "examples",
        source: &source,
        hints: &Hints::default(),
        limits: &limits,
        out_dir: &out_dir,
    };
    import(&request).unwrap();
    let only = Only(Dataset::open_as(&out_dir, "examples", 1).unwrap());
    let mut reference = json!({"name": "examples", "target": target, "transforms": []});
    if !inputs.contains_key("input") {
        let columns = inputs.iter().map(|(name, shape)| (name.clone(), columns(name, shape[0]).into()));
        reference["input"] = Value::Object(columns.collect());
    }
    let mut training = json!({
        "method": "supervised", "dataset": reference, "model": network["model"], "loss": "categorical_cross_entropy",
    });
    for (field, value) in more.as_object().unwrap() {
        training[field] = value.clone();
    }
    let resources = json!({"device": "cpu", "memory_mb": 512});
    let body = json!({"name": "a-network", "training": training, "seed": 7, "resources": resources});
    Plan::resolve_body(&body, &only)
}

fn columns(input: &str, width: usize) -> Vec<String> {
    (0..width).map(|column| format!("{input}_{column}")).collect()
}

/// A table with the columns of every input and one row a class.
fn table(inputs: &BTreeMap<String, Vec<usize>>) -> Vec<u8> {
    let mut header: Vec<String> = inputs.iter().flat_map(|(name, shape)| columns(name, shape[0])).collect();
    header.push("class".into());
    let row = |class: usize| {
        let cells = (1..header.len()).map(|column| (class as f64 / column as f64).to_string());
        cells.chain([class.to_string()]).collect::<Vec<_>>().join(",")
    };
    let lines: Vec<String> = std::iter::once(header.join(",")).chain((0..CLASSES).map(row)).collect();
    (lines.join("\n") + "\n").into_bytes()
}

/// An archive of IDX files with one image a class.
fn images(shape: &[usize]) -> Vec<u8> {
    let header = |extents: &[usize]| {
        let extents = extents.iter().flat_map(|extent| (*extent as u32).to_be_bytes());
        extents.collect::<Vec<u8>>()
    };
    let extents = [&[CLASSES], shape].concat();
    let mut pictures = vec![0, 0, 8, extents.len() as u8];
    pictures.extend(header(&extents));
    pictures.extend((0..extents.iter().product::<usize>()).map(|at| at as u8));
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(header(&[CLASSES]));
    labels.extend(0..CLASSES as u8);
    let mut archive = tar::Builder::new(Vec::new());
    mnist::append(&mut archive, "train-images-idx4-ubyte", &pictures);
    mnist::append(&mut archive, "train-labels-idx1-ubyte", &labels);
    archive.into_inner().unwrap()
}
