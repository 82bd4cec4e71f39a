//! `model.json` beside weights that it may not fit: it is loaded and can be called, or is told to be damaged.

use lyceum::spec::Pointer;
use lyceum::train::model::{DOCUMENT_FILE, LoadedModel, ModelDocument, ModelError, WEIGHTS_FILE};
use serde_json::json;
use tch::{Device, Kind, Tensor};

use super::Check;
use super::session::{corpus, scratch};

pub(super) fn open() -> Check {
    let folder = scratch();
    let weights = std::fs::read(corpus().join("safetensors/two-layers")).unwrap();
    std::fs::write(folder.path().join(WEIGHTS_FILE), weights).unwrap();
    Box::new(move |bytes| {
        std::fs::write(folder.path().join(DOCUMENT_FILE), bytes).unwrap();
        match LoadedModel::load(folder.path()) {
            Ok(model) => call(&model),
            Err(error) => assert!(!matches!(error, ModelError::Io(_)), "{error}"),
        }
        if let Ok(document) = ModelDocument::parse(bytes) {
            let written = serde_json::to_vec(&document).unwrap();
            let again = serde_json::to_vec(&ModelDocument::parse(&written).unwrap()).unwrap();
            assert_eq!(again, written);
        }
    })
}

fn call(model: &LoadedModel) {
    let at = Pointer::root();
    let _ = model.preprocessing().encode(&json!([[1, 2], {"x1": 1, "x2": null}, [3]]), &at);
    let Ok(encoded) = model.preprocessing().encode(&json!([[1, 2], [-1, 0.5]]), &at) else { return };
    let tensor = |(shape, values): (Vec<u64>, &Vec<f32>)| {
        let extents: Vec<i64> = std::iter::once(2).chain(shape.iter().map(|extent| *extent as i64)).collect();
        Tensor::from_slice(values).to_kind(Kind::Float).to_device(Device::Cpu).reshape(extents)
    };
    let shapes = model.preprocessing().input_shapes();
    let inputs: Vec<Tensor> = shapes.into_iter().zip(&encoded.inputs).map(tensor).collect();
    for (output, said) in model.outputs().iter().zip(model.forward(&inputs)) {
        let shape: Vec<u64> = said.size()[1..].iter().map(|extent| *extent as u64).collect();
        assert_eq!(shape, output.shape);
    }
}
