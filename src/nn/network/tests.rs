use serde_json::{Value as Json, json};
use tch::Kind;

use super::*;
use crate::spec::{Field, NodeOptions, Pointer, SpecErrors};

/// A sequence over one input; `outputs` defaults to the last.
pub(super) fn sequence(input: &[u64], layers: &[Json]) -> NetworkPlan {
    let mut shape = input.to_vec();
    let nodes = layers.iter().enumerate().map(|(index, layer)| {
        let mut errors = SpecErrors::new();
        let layer = Layer::read(layer, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{errors}"));
        shape = layer.infer(&[shape.clone()]).unwrap().output;
        let from = index.checked_sub(1).map_or(Source::Input(0), Source::Node);
        NetworkNode {
            name: format!("n{index}"),
            layer,
            inputs: vec![from],
            output_shape: shape.clone(),
            options: NodeOptions::default(),
        }
    });
    let nodes: Vec<NetworkNode> = nodes.collect();
    NetworkPlan {
        inputs: vec![NetworkInput { name: "input".into(), shape: input.to_vec() }],
        outputs: vec![nodes.len() - 1],
        nodes,
        channels_last: false,
        late_activations: vec![],
        overwriting: vec![],
    }
}

fn convolutions(activation: &str) -> NetworkPlan {
    sequence(
        &[2, 9, 8],
        &[
            json!({"type": "conv2d", "filters": 4, "kernel_size": 3, "padding": "same", "activation": activation}),
            json!({"type": "max_pool2d", "padding": "same"}),
            json!({"type": "conv2d", "filters": 3, "kernel_size": [2, 3], "strides": 2, "padding": "same"}),
            json!(activation),
            json!({"type": "max_pool2d", "pool_size": 2, "strides": 1}),
            json!({"type": "dropout", "rate": 0.25}),
            json!("flatten"),
            json!({"type": "dense", "units": 5, "activation": "softmax"}),
        ],
    )
}

/// Outputs, and the gradients of their squares' sum, as they come from a training pass.
fn pass(plan: &NetworkPlan) -> (Tensor, Vec<Tensor>) {
    let network = Network::new(plan, 3, Device::Cpu).unwrap();
    let mut input = vec![0.0; 6 * 2 * 9 * 8];
    crate::random::Stream::new(1, "x").at(0).fill_normal(&mut input);
    let input = Tensor::from_slice(&input).reshape([6, 2, 9, 8]);
    let output = network.forward(&[input], &Pass { training: true, step: 5 }, Head::Outputs).remove(0);
    let loss = output.square().sum(Kind::Float);
    let gradients = Tensor::run_backward(&[&loss], network.trainable(), false, false);
    (output, gradients)
}

#[test]
fn rewrites_change_neither_outputs_nor_gradients() {
    for activation in ["relu", "sigmoid", "tanh"] {
        let plain = convolutions(activation);
        let (output, gradients) = pass(&plain);
        let late = plain.movable_activations();
        assert_eq!(late, [0, 3]);
        for (channels_last, late) in [(true, vec![]), (false, late.clone()), (true, late)] {
            let rewritten = NetworkPlan { channels_last, late_activations: late, ..plain.clone() };
            let (other, others) = pass(&rewritten);
            assert!(output.allclose(&other, 1e-5, 1e-6, false), "{activation}");
            for (gradient, other) in gradients.iter().zip(&others) {
                assert!(gradient.allclose(other, 1e-4, 1e-5, false), "{activation}: {gradient} {other}");
            }
        }
    }
}

/// A residual network of 2 × 9 × 8 pictures with a way around some of its layers.
pub(super) fn residual() -> NetworkPlan {
    let convolution = json!({"type": "conv2d", "filters": 2, "kernel_size": 3, "padding": "same"});
    let mut plan = sequence(
        &[2, 9, 8],
        &[
            convolution.clone(),
            json!("batch_normalization"),
            json!("relu"),
            json!({"type": "conv2d", "filters": 2, "kernel_size": 3, "padding": "same", "activation": "relu"}),
            convolution,
            json!("batch_normalization"),
            json!({"type": "activation", "activation": "relu"}),
            json!("flatten"),
            json!({"type": "dense", "units": 5, "activation": "softmax"}),
        ],
    );
    let add = Layer::read(&json!("add"), &Pointer::root(), &mut SpecErrors::new()).unwrap();
    let sum = NetworkNode {
        name: "sum".into(),
        layer: add,
        inputs: vec![Source::Node(5), Source::Node(2)],
        output_shape: plan.nodes[5].output_shape.clone(),
        options: NodeOptions::default(),
    };
    // Between the last normalisation and the last rectifier.
    plan.nodes.insert(6, sum);
    for index in 7..plan.nodes.len() {
        plan.nodes[index].inputs = vec![Source::Node(index - 1)];
    }
    plan.outputs = vec![plan.nodes.len() - 1];
    plan
}

#[test]
fn what_is_overwritten_changes_no_bit() {
    let plain = residual();
    let overwriting = plain.overwriting_activations();
    assert_eq!(overwriting, [2, 3, 7]);
    for channels_last in [false, true] {
        let plain = NetworkPlan { channels_last, ..plain.clone() };
        let rewritten = NetworkPlan { overwriting: overwriting.clone(), ..plain.clone() };
        assert_eq!(pass(&plain), pass(&rewritten));
    }
}

#[test]
fn only_what_nobody_looks_at_is_overwritten() {
    let mut seen = residual();
    seen.outputs.push(1);
    assert_eq!(seen.overwriting_activations(), [3, 7]);
    let mut twice = residual();
    twice.nodes[6].inputs = vec![Source::Node(5), Source::Node(1)];
    assert_eq!(twice.overwriting_activations(), [3, 7]);
    let late = NetworkPlan { late_activations: vec![3], ..residual() };
    assert_eq!(late.overwriting_activations(), [2, 7]);
    // What a sigmoid's or a pooling's backward pass reads stays, and so does what enters.
    let layers = [
        json!("relu"),
        json!({"type": "conv2d", "filters": 2, "kernel_size": 3, "activation": "sigmoid"}),
        json!("relu"),
        json!("max_pool2d"),
        json!("relu"),
        json!({"type": "conv2d", "filters": 2, "kernel_size": 1}),
        json!({"type": "relu", "max_value": 6}),
        json!({"type": "conv2d", "filters": 2, "kernel_size": 1, "activity_regularizer": "l2"}),
        json!("relu"),
    ];
    assert!(sequence(&[2, 9, 8], &layers).overwriting_activations().is_empty());
}

#[test]
fn only_what_may_move_moves() {
    let plan = sequence(
        &[1, 4, 4],
        &[
            json!({"type": "conv2d", "filters": 2, "kernel_size": 1, "activation": "softmax"}),
            json!("max_pool2d"),
            json!({"type": "conv2d", "filters": 2, "kernel_size": 1}),
            json!("max_pool2d"),
            json!({"type": "conv2d", "filters": 2, "kernel_size": 1, "activation": "relu"}),
            json!("flatten"),
        ],
    );
    assert!(plan.movable_activations().is_empty());
    let mut seen = convolutions("relu");
    seen.outputs.push(0);
    assert_eq!(seen.movable_activations(), [3]);
}

#[test]
fn logits_are_left_without_the_last_activation_where_the_loss_is_fused() {
    let plan = sequence(&[3], &[json!({"type": "dense", "units": 4}), json!("softmax")]);
    let input = [Tensor::ones([2, 3], (Kind::Float, Device::Cpu))];
    let network = Network::new(&plan, 1, Device::Cpu).unwrap();
    let outputs = network.forward(&input, &Pass::INFERENCE, Head::Outputs).remove(0);
    assert_eq!(network.forward(&input, &Pass::INFERENCE, Head::Logits)[0], outputs);
    let fused = network.with_fused(&[true]);
    let logits = fused.forward(&input, &Pass::INFERENCE, Head::Logits).remove(0);
    assert_ne!(logits, outputs);
    assert_eq!(fused.finish(0, &logits), outputs);
    assert_eq!(fused.forward(&input, &Pass::INFERENCE, Head::Outputs)[0], outputs);
}

#[test]
fn an_output_may_feed_other_nodes() {
    let mut plan =
        sequence(&[3], &[json!({"type": "dense", "units": 2, "activation": "sigmoid"}), json!("linear")]);
    plan.outputs = vec![0, 1];
    let network = Network::new(&plan, 1, Device::Cpu).unwrap().with_fused(&[true, false]);
    let input = [Tensor::ones([2, 3], (Kind::Float, Device::Cpu))];
    let heads = network.forward(&input, &Pass::INFERENCE, Head::Logits);
    assert_eq!(heads[0].sigmoid(), heads[1]);
}

#[test]
fn parameters_depend_on_seed_and_name_alone() {
    let plan = convolutions("relu");
    let network = Network::new(&plan, 3, Device::Cpu).unwrap();
    let mut longer = plan.clone();
    longer.nodes[7].name = "head".into();
    let renamed = Network::new(&longer, 3, Device::Cpu).unwrap();
    assert_eq!(network.parameters().get("n0.kernel"), renamed.parameters().get("n0.kernel"));
    assert_ne!(network.parameters().get("n7.kernel"), renamed.parameters().get("head.kernel"));
    let other = Network::new(&plan, 4, Device::Cpu).unwrap();
    assert_ne!(network.parameters().get("n0.kernel"), other.parameters().get("n0.kernel"));
}

#[test]
fn weights_are_loaded_into_the_plan_s_layout() {
    let plan = convolutions("relu");
    let source = Network::new(&plan, 3, Device::Cpu).unwrap();
    let mut target = Network::new(&NetworkPlan { channels_last: true, ..plan }, 4, Device::Cpu).unwrap();
    target.load(&source.named()).unwrap();
    let kernel = &target.trainable()[0];
    assert!(ops::is_channels_last(kernel) && !kernel.is_contiguous() && kernel.requires_grad());
    assert_eq!(kernel, &source.trainable()[0]);
    let bytes = |network: &Network| crate::torch::safetensors::to_bytes(&network.named()).unwrap();
    assert_eq!(bytes(&source), bytes(&target));
    let mut wrong = source.named();
    wrong[0].1 = Tensor::zeros([1], (Kind::Float, Device::Cpu));
    assert!(target.load(&wrong).unwrap_err().contains("n0.kernel"));
    assert!(target.load(&wrong[1..]).is_err());
}

#[test]
fn a_network_goes_from_thread_to_thread() {
    fn send<T: Send>() {}
    send::<Network>();
}
