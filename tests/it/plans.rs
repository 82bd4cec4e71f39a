//! What a plan says of a network, against what Keras says of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use lyceum::data::{Dataset, Format, Hints, ImportLimits, ImportRequest, import};
use lyceum::train::{Catalog, CatalogError, Plan};
use serde_json::{Value, json};

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

fn plan(network: &Value) -> Result<Value, lyceum::train::PlanError> {
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
    let body = json!({"name": "a-network", "training": {
        "method": "supervised", "dataset": reference, "model": network["model"], "loss": "categorical_cross_entropy",
    }});
    Ok(Plan::resolve_body(&body, &only)?.answer())
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
