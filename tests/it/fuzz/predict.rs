//! Inputs of predictions: as JSON, as an image, as tensors.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lyceum::data::{Encoded, InputTensor, Preprocessing, TensorValues};
use lyceum::spec::dataset::DatasetRef;
use lyceum::spec::{Field as _, Pointer, SpecErrors};
use serde_json::{Value, json};

use super::Check;
use super::sets::Sets;

pub(super) fn open() -> Check {
    let sets = Sets::open();
    let fit = |reference: Value| fit(&sets, &reference);
    let models = [
        fit(json!({"name": "table", "target": "y", "input": ["n", "c", "w"]})),
        fit(json!({"name": "table", "target": "y", "input": {"left": ["n"], "right": ["c", "n"]}})),
        fit(json!({"name": "table", "target": "w", "input": ["n", "c"], "transforms": [
            {"columns": ["n"], "steps": ["impute_median"]}, {"columns": ["c"], "steps": ["one_hot"]}]})),
        fit(json!({"name": "iris", "target": "species"})),
        fit(json!({"name": "perceptron", "target": "y", "transforms": []})),
        fit(json!({"name": "squares", "target": "label"})),
    ];
    let large = fit(json!({"name": "large", "target": "label"}));
    Box::new(move |bytes| {
        for model in &models {
            check(model, bytes);
        }
        let at = Pointer::root().key("inputs");
        let inputs = serde_json::from_slice(bytes).unwrap_or_default();
        hold(&large, &at, large.encode(&inputs, &at));
    })
}

/// Fitted on all rows.
fn fit(sets: &Sets, reference: &Value) -> Preprocessing {
    let (at, mut errors) = (Pointer::root(), SpecErrors::new());
    let read = DatasetRef::read(reference, &at, &mut errors);
    let read = errors.into_result(read).unwrap_or_else(|errors| panic!("{errors}"));
    let dataset = sets.get(reference["name"].as_str().unwrap());
    let rows: Vec<u32> = (0..dataset.rows() as u32).collect();
    Preprocessing::fit(dataset, &read, &rows, &at).unwrap_or_else(|errors| panic!("{errors}")).0
}

fn check(model: &Preprocessing, bytes: &[u8]) {
    let at = Pointer::root().key("inputs");
    if let Ok(inputs) = serde_json::from_slice::<Value>(bytes) {
        hold(model, &at, model.encode(&inputs, &at));
    } else {
        check_image(model, bytes);
    }
    let values: Vec<f32> = bytes.as_chunks().0.iter().map(|number| f32::from_le_bytes(*number)).collect();
    let texts: Vec<String> =
        bytes.split(|byte| *byte == b',').map(|text| String::from_utf8_lossy(text).into()).collect();
    let columns = model.input_columns();
    let names = columns.iter().map(|column| column.name.as_str()).chain([model.inputs()[0].name(), "other"]);
    for name in names {
        for values in [TensorValues::Numbers(&values), TensorValues::Texts(&texts)] {
            for examples in [0, 1, values_of(&values) / model.inputs()[0].elements(), values_of(&values)] {
                let tensor = InputTensor { name, values: values.clone() };
                hold(model, &at, model.encode_tensors(examples, &[tensor], &at));
            }
        }
    }
}

/// An image is the same alone and within JSON.
fn check_image(model: &Preprocessing, bytes: &[u8]) {
    let at = Pointer::root().key("inputs");
    let alone = model.encode_image(bytes);
    let within = model.encode(&json!([STANDARD.encode(bytes)]), &at);
    if model.inputs().len() == 1 && model.inputs()[0].shape().len() == 3 {
        assert_eq!(alone.as_ref().ok(), within.as_ref().ok());
    }
    hold(model, &Pointer::root(), alone);
    hold(model, &at, within);
}

fn values_of(values: &TensorValues<'_>) -> usize {
    match values {
        TensorValues::Numbers(numbers) => numbers.len(),
        TensorValues::Texts(texts) => texts.len(),
    }
}

/// What the network reads is finite and as much as was said; a mistake stands where the inputs do.
fn hold(model: &Preprocessing, at: &Pointer, encoded: Result<Encoded, SpecErrors>) {
    match encoded {
        Ok(encoded) => {
            assert_eq!(encoded.inputs.len(), model.inputs().len());
            for (input, values) in model.inputs().iter().zip(&encoded.inputs) {
                assert_eq!(values.len(), encoded.examples * input.elements());
                assert!(values.iter().all(|value| value.is_finite()));
            }
        }
        Err(errors) => {
            assert!(!errors.is_empty());
            for error in errors.iter() {
                assert!(
                    error.pointer.as_str().starts_with(at.as_str()) && !error.detail.is_empty(),
                    "{errors}"
                );
            }
        }
    }
}
