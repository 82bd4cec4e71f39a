//! Every layer against what Keras computes with it: `tests/golden/layers.py` makes the golden values.

use std::collections::HashSet;

use lyceum::nn::Pass;
use lyceum::nn::layers::Layer;
use lyceum::nn::network::{Head, Network, NetworkPlan};
use lyceum::spec::Shape;
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::conformance::network_of;

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn tensor(value: &Value, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&numbers(value)).to_kind(Kind::Float).reshape(shape)
}

fn near(what: &str, found: &Tensor, expected: &Tensor, case: &Value) {
    assert_eq!(found.size(), expected.size(), "{what} of {case}");
    let scale = expected.abs().max().double_value(&[]).max(1.0);
    let distance = (found - expected).abs().max().double_value(&[]);
    assert!(distance <= 3e-5 * scale, "{what} is {distance} away of {}: {case}", case["layer"]);
}

#[test]
fn every_layer_computes_what_keras_computes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/layers.json");
    let golden: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let cases = golden["cases"].as_array().unwrap();
    let visited: HashSet<&str> = cases.iter().map(|case| case["layer"]["type"].as_str().unwrap()).collect();
    for name in Layer::NAMES {
        assert!(visited.contains(name), "{name} has no golden values");
    }
    for case in cases {
        for channels_last in [false, true] {
            hold(case, channels_last);
        }
    }
}

fn hold(case: &Value, channels_last: bool) {
    let shapes: Vec<Shape> = serde_json::from_value(case["shapes"].clone()).unwrap();
    let plan = network_of(&case["layer"], &shapes, channels_last).unwrap_or_else(|| panic!("{case}"));
    let network = Network::new(&plan, 1, Device::Cpu).unwrap_or_else(|error| panic!("{error}: {case}"));
    let batch = |shape: &[u64]| -> Vec<i64> {
        std::iter::once(3).chain(shape.iter().map(|extent| *extent as i64)).collect()
    };
    let inputs: Vec<Tensor> = shapes
        .iter()
        .zip(case["inputs"].as_array().unwrap())
        .map(|(shape, values)| tensor(values, &batch(shape)).set_requires_grad(true))
        .collect();
    let training = case["training"].as_bool().unwrap();
    let output = network.forward(&inputs, &Pass { training, step: 0 }, Head::Outputs).remove(0);
    let shape: Shape = serde_json::from_value(case["output_shape"].clone()).unwrap();
    near("the output", &output, &tensor(&case["output"], &batch(&shape)), case);
    let penalty = network.penalty().map_or(0.0, |penalty| penalty.double_value(&[]));
    let expected = case["penalty"].as_f64().unwrap();
    assert!((penalty - expected).abs() <= 1e-5 * expected.max(1.0), "the penalty {penalty}: {case}");

    let value = (&output * tensor(&case["cotangent"], &batch(&shape))).sum(Kind::Float);
    let of: Vec<&Tensor> = inputs.iter().chain(network.trainable()).collect();
    let gradients = Tensor::run_backward(&[&value], &of, false, false);
    let (entering, parameters) = gradients.split_at(inputs.len());
    for (index, gradient) in entering.iter().enumerate() {
        let expected = tensor(&case["input_gradients"][index], &batch(&shapes[index]));
        near("the gradient of an input", gradient, &expected, case);
    }
    hold_parameters(case, &plan, parameters);
    for (name, values) in case["statistics"].as_object().unwrap() {
        let kept = network.parameters().get(&format!("node.{name}")).unwrap();
        near(name, kept, &tensor(values, &kept.size()), case);
    }
}

/// The gradients of parameters, which stand in the file in the document's order of axes.
fn hold_parameters(case: &Value, plan: &NetworkPlan, gradients: &[Tensor]) {
    let inferred = plan.infer().unwrap().remove(0);
    let trainable = inferred.parameters.iter().filter(|parameter| parameter.trainable);
    assert_eq!(case["parameter_gradients"].as_object().unwrap().len(), gradients.len(), "{case}");
    for (parameter, gradient) in trainable.zip(gradients) {
        let values = numbers(&case["parameter_gradients"][parameter.name]);
        let values: Vec<f32> = values.into_iter().map(|value| value as f32).collect();
        let expected = parameter.layout.to_libtorch(&values, &parameter.shape);
        let expected = Tensor::from_slice(&expected).reshape(&parameter.shape);
        near(&format!("the gradient of {}", parameter.name), gradient, &expected, case);
    }
}
