//! A network as a model document keeps it.

use serde_json::{Map, Value, json};

use crate::nn::layers::Layer;
use crate::nn::network::{NetworkInput, NetworkNode, NetworkPlan, Source};
use crate::spec::{Component, NODE_MEMBERS, NodeOptions, Pointer, Record, Shape, SpecErrors};

fn name(plan: &NetworkPlan, source: Source) -> &str {
    match source {
        Source::Input(index) => &plan.inputs[index].name,
        Source::Node(index) => &plan.nodes[index].name,
    }
}

/// Every node with every field written out.
pub(crate) fn write(plan: &NetworkPlan) -> Value {
    let inputs: Vec<Value> =
        plan.inputs.iter().map(|input| json!({"name": input.name, "shape": input.shape})).collect();
    let nodes: Vec<Value> = plan
        .nodes
        .iter()
        .map(|node| {
            let mut members = Map::new();
            members.insert("name".into(), json!(node.name));
            members.extend(node.layer.write_component());
            members.extend(node.options.write_fields());
            let inputs: Vec<&str> = node.inputs.iter().map(|source| name(plan, *source)).collect();
            members.insert("inputs".into(), json!(inputs));
            Value::Object(members)
        })
        .collect();
    let named = |indices: &[usize]| -> Vec<&str> {
        indices.iter().map(|index| plan.nodes[*index].name.as_str()).collect()
    };
    json!({
        "inputs": inputs,
        "nodes": nodes,
        "outputs": named(&plan.outputs),
        "channels_last": plan.channels_last,
        "late_activations": named(&plan.late_activations),
        "overwriting": named(&plan.overwriting),
    })
}

#[derive(serde::Deserialize)]
struct Kept {
    inputs: Vec<KeptInput>,
    nodes: Vec<Value>,
    outputs: Vec<String>,
    channels_last: bool,
    late_activations: Vec<String>,
    #[serde(default)]
    overwriting: Vec<String>,
}

#[derive(serde::Deserialize)]
struct KeptInput {
    name: String,
    shape: Shape,
}

/// Reads what [`write()`] wrote; the shapes are inferred anew.
pub(crate) fn read(value: &Value) -> Result<NetworkPlan, String> {
    let kept: Kept = serde_json::from_value(value.clone()).map_err(|error| error.to_string())?;
    let inputs = kept.inputs.into_iter().map(|input| NetworkInput { name: input.name, shape: input.shape });
    let mut plan = NetworkPlan {
        inputs: inputs.collect(),
        nodes: Vec::with_capacity(kept.nodes.len()),
        outputs: Vec::new(),
        channels_last: kept.channels_last,
        late_activations: Vec::new(),
        overwriting: Vec::new(),
    };
    for (index, node) in kept.nodes.iter().enumerate() {
        let node = read_node(&plan, node, &Pointer::root().key("nodes").index(index))?;
        if plan.nodes.iter().any(|other| other.name == node.name) {
            return Err(format!("there are two nodes \"{}\"", node.name));
        }
        plan.nodes.push(node);
    }
    plan.outputs = indices(&plan, &kept.outputs)?;
    plan.late_activations = indices(&plan, &kept.late_activations)?;
    plan.overwriting = indices(&plan, &kept.overwriting)?;
    Ok(plan)
}

fn read_node(plan: &NetworkPlan, value: &Value, at: &Pointer) -> Result<NetworkNode, String> {
    let mut errors = SpecErrors::new();
    let read = Component::read(value, "type", at, &mut errors).and_then(|component| {
        let options = NodeOptions::of(&component.fields, at, &mut errors);
        Layer::from_component(&component, &NODE_MEMBERS, &mut errors).zip(options)
    });
    let (layer, options) = errors.into_result(read).map_err(|errors| errors.to_string())?;
    let name = value["name"].as_str().ok_or("a node has no name")?.to_owned();
    let inputs = value["inputs"].as_array().ok_or("a node has no inputs")?;
    let inputs: Vec<Source> = inputs
        .iter()
        .map(|input| input.as_str().and_then(|name| find(plan, name)).ok_or("a node takes what is not there"))
        .collect::<Result<_, _>>()?;
    let mut node = NetworkNode { name, layer, inputs, output_shape: Shape::new(), options };
    let shapes: Vec<Shape> = node.inputs.iter().map(|source| shape(plan, *source)).collect();
    let inferred = node.layer.infer(&shapes).map_err(|error| format!("{}: {}", node.name, error.detail))?;
    node.output_shape = inferred.output;
    Ok(node)
}

fn shape(plan: &NetworkPlan, source: Source) -> Shape {
    match source {
        Source::Input(index) => plan.inputs[index].shape.clone(),
        Source::Node(index) => plan.nodes[index].output_shape.clone(),
    }
}

fn find(plan: &NetworkPlan, name: &str) -> Option<Source> {
    let node = plan.nodes.iter().position(|node| node.name == name).map(Source::Node);
    node.or_else(|| plan.inputs.iter().position(|input| input.name == name).map(Source::Input))
}

fn indices(plan: &NetworkPlan, names: &[String]) -> Result<Vec<usize>, String> {
    let index = |name: &String| plan.nodes.iter().position(|node| node.name == *name);
    names.iter().map(|name| index(name).ok_or_else(|| format!("there is no node \"{name}\""))).collect()
}
