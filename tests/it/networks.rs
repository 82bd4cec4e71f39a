//! What a network's own words do to its training: frozen nodes, rates of their own, penalties, constraints, blocks.

use std::collections::BTreeMap;

use lyceum::nn::network::{Network, NetworkPlan};
use lyceum::spec::report::Outcome;
use lyceum::torch::safetensors;
use lyceum::train::checkpoint::Checkpoint;
use lyceum::train::{self, Method, Plan, RecordingSink};
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

use crate::plans::{load, resolve};

fn resolved(layers: Value, more: Value) -> Plan {
    let network = json!({"inputs": {"input": [6]}, "model": {"layers": layers}});
    resolve(&network, &more).unwrap_or_else(|error| panic!("{error}"))
}

fn trained(plan: &Plan) -> RecordingSink {
    let mut sink = RecordingSink::default();
    assert_eq!(train::run(plan, None, &mut sink), Outcome::Succeeded);
    sink
}

fn weights(sink: &RecordingSink) -> BTreeMap<String, Tensor> {
    let mut bytes = Vec::new();
    sink.models[0].write_weights(&mut bytes).unwrap();
    safetensors::parse(&bytes).unwrap().into_iter().collect()
}

fn network_plan(plan: &Plan) -> &NetworkPlan {
    let Method::Supervised(supervised) = &plan.method else { panic!("another method") };
    &supervised.network
}

#[test]
fn a_frozen_node_keeps_its_bytes_and_the_others_learn() {
    let layers = json!([
        {"type": "dense", "units": 8, "name": "kept", "trainable": false, "kernel_regularizer": "l2"},
        {"type": "batch_normalization", "name": "still", "trainable": false},
        {"type": "dense", "units": 6, "name": "slow", "learning_rate_factor": 0},
        {"type": "batch_normalization", "name": "moving"},
        {"type": "dense", "name": "head", "activation": "softmax"}]);
    let before = weights(&trained(&resolved(layers.clone(), json!({"epochs": 0}))));
    let plan = resolved(layers, json!({"epochs": 3, "batch_size": 4}));
    let after = weights(&trained(&plan));
    assert_eq!(before.len(), after.len());
    for (path, value) in &before {
        let frozen = path.starts_with("kept") || path.starts_with("still");
        if frozen {
            assert_eq!(value, &after[path], "{path}");
        } else if !path.starts_with("slow") {
            assert_ne!(value, &after[path], "{path}");
        }
    }
    let answer = plan.answer();
    let nodes = answer["nodes"].as_array().unwrap();
    let counts: Vec<(u64, u64)> = nodes[1..]
        .iter()
        .map(|node| (node["parameters"].as_u64().unwrap(), node["trainable"].as_u64().unwrap()))
        .collect();
    assert_eq!(counts, [(56, 0), (32, 0), (54, 54), (24, 12), (70, 70)]);
    assert_eq!(answer["parameters"]["trainable"], 54 + 12 + 70);
    let model = &answer["spec"]["training"]["model"]["layers"];
    assert_eq!((&model[0]["trainable"], &model[2]["learning_rate_factor"]), (&json!(false), &json!(0.0)));
    assert_eq!(model[4]["trainable"], true);
    let network = Network::new(network_plan(&plan), 1, Device::Cpu).unwrap();
    assert_eq!(network.learning_rate_factors(), [0.0, 0.0, 1.0, 1.0, 1.0, 1.0]);
    assert_eq!(network.learning_rate_factors().len(), network.trainable().len());
    assert!(network.penalty().is_none(), "what is frozen is not penalised");
}

#[test]
fn constraints_hold_behind_every_step() {
    let layers = json!([
        {"type": "dense", "units": 5, "name": "unit", "kernel_constraint": "unit_norm", "bias_constraint": "non_neg"},
        {"type": "dense", "name": "head", "activation": "softmax"}]);
    let plan = resolved(layers, json!({"epochs": 2, "optimizer": {"type": "sgd", "learning_rate": 0.5}}));
    let after = weights(&trained(&plan));
    let norms = after["unit.kernel"].square().sum_dim_intlist(1, false, None::<Kind>);
    assert!((norms - 1.0).abs().max().double_value(&[]) < 1e-5);
    assert!(after["unit.bias"].min().double_value(&[]) >= 0.0);
}

#[test]
fn penalties_are_part_of_the_loss() {
    let layers = |factor: f64| {
        json!([{"type": "dense", "units": 5, "name": "a", "activation": "tanh", "kernel_regularizer": {"type": "l2", "l2": factor},
            "activity_regularizer": {"type": "l1", "l1": factor}}, {"type": "dense", "activation": "softmax"}])
    };
    let more = json!({"epochs": 1, "batch_size": 10, "optimizer": {"type": "sgd", "learning_rate": 1e-9}});
    let [plain, penalised] = [0.0, 0.1].map(|factor| trained(&resolved(layers(factor), more.clone())));
    let kernel = &weights(&penalised)["a.kernel"];
    let size = 0.1 * kernel.square().sum(Kind::Double).double_value(&[]);
    let (one, other) = (plain.last("loss").unwrap(), penalised.last("loss").unwrap());
    assert!(other > one + size + 1e-3, "{one} and {other} differ by more than {size}: activities count too");
    assert!(other < one + size + 0.1 * 5.0, "five activities of at most one: {one} {other}");
}

/// Blocks written out by hand are the same network, with the same first weights where the names are the same.
#[test]
fn a_block_is_what_stands_in_it() {
    let block = json!([
        {"type": "block", "name": "b", "repeat": 2, "residual": true, "activation": "relu",
         "layers": [{"type": "dense", "units": 5, "activation": "tanh"}, {"type": "batch_normalization"}]},
        {"type": "dense", "name": "head", "activation": "softmax"}]);
    let plan = resolved(block, json!({"epochs": 2, "batch_size": 4}));
    let canonical = plan.answer()["spec"]["training"]["model"].clone();
    assert!(canonical["nodes"].is_array(), "a sequence with a way around is written as a graph");
    let network = json!({"inputs": {"input": [6]}, "model": canonical});
    let again = resolve(&network, &json!({"epochs": 2, "batch_size": 4})).unwrap();
    assert_eq!(network_plan(&plan), network_plan(&again));
    assert_eq!(canonical, again.answer()["spec"]["training"]["model"]);
    let names: Vec<&str> = network_plan(&plan).nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "b_1_dense",
            "b_1_batch_normalization",
            "b_1_add",
            "b_1_relu",
            "b_2_dense",
            "b_2_batch_normalization",
            "b_2_add",
            "b_2_relu",
            "head"
        ]
    );
    let (one, other) = (trained(&plan), trained(&again));
    assert_eq!(weights(&one), weights(&other));
    let loaded = load(&one.models[0]);
    let input = Tensor::ones([2, 6], (Kind::Float, Device::Cpu));
    assert_eq!(loaded.forward(&[input])[0].size(), [2, 10]);
    // From the first shape to the second there is a matrix, and none where they are one.
    let paths = weights(&one);
    assert!(paths.contains_key("b_1_add.kernel") && !paths.contains_key("b_2_add.kernel"));
}

/// Moving statistics are part of a checkpoint: a run that goes on comes to the same bytes.
#[test]
fn statistics_are_taken_up_with_a_checkpoint() {
    let layers = json!([{"type": "dense", "units": 5}, "batch_normalization", {"type": "gaussian_noise", "stddev": 0.1},
        {"type": "dense", "activation": "softmax"}]);
    let plan = resolved(layers, json!({"epochs": 4, "batch_size": 3}));
    let whole = trained(&plan);
    let (_, checkpoint) = &whole.checkpoints[1];
    let mut resumed = RecordingSink::default();
    let outcome = train::run(&plan, Some(Checkpoint::parse(checkpoint).unwrap()), &mut resumed);
    assert_eq!(outcome, Outcome::Succeeded);
    assert_eq!(weights(&whole), weights(&resumed));
    assert_eq!(whole.models[0].document, resumed.models[0].document);
}

#[test]
fn mistakes_in_a_block_are_told_where_they_stand() {
    let refused = |layers: Value| {
        let network = json!({"inputs": {"input": [6]}, "model": {"layers": layers}});
        match resolve(&network, &json!({})) {
            Err(error) => error.to_string(),
            Ok(_) => panic!("{layers} is accepted"),
        }
    };
    let head = json!({"type": "dense", "activation": "softmax"});
    let unknown =
        refused(json!([{"type": "block", "repeat": 3, "layers": [{"type": "dense", "unit": 3}]}, head]));
    assert!(unknown.contains("/training/model/layers/0/layers/0/unit: "), "{unknown}");
    assert_eq!(unknown.matches("did you mean").count(), 1, "{unknown}");
    let shapes = refused(json!([{"type": "block", "residual": true, "shortcut": "identity",
        "layers": [{"type": "dense", "units": 3}]}, head]));
    assert!(
        shapes.contains("/training/model/layers/0/residual: ") && shapes.contains("projection"),
        "{shapes}"
    );
    let inner = refused(
        json!([{"type": "block", "layers": [{"type": "conv2d", "filters": 3, "kernel_size": 3}]}, head]),
    );
    assert!(inner.contains("/training/model/layers/0/layers/0: takes images"), "{inner}");
}
