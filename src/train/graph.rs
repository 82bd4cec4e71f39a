//! The nodes of a network in a body, named and in topological order.

use std::collections::HashMap;

use crate::nn::network::Source;
use crate::spec::field::did_you_mean;
use crate::spec::{Form, ModelSpec, NodeSpec, Pointer, SpecErrors, Taken};

/// A network's wiring: what each node is called and what it takes.
pub(crate) struct Graph {
    /// By index in the body.
    pub(crate) names: Vec<String>,
    /// By index in the body; `None` where an input is unknown.
    pub(crate) inputs: Vec<Option<Vec<Source>>>,
    /// Indices in the body, inputs before what takes them.
    pub(crate) order: Vec<usize>,
}

impl Graph {
    /// Reads the wiring of `model`, whose data enter as `inputs`; every mistake is noted.
    pub(crate) fn read(model: &ModelSpec, inputs: &[String], errors: &mut SpecErrors) -> Self {
        let names = name_nodes(model, inputs, errors);
        let wiring = wire(model, inputs, &names, errors);
        let order = sort(model, &names, &wiring, errors);
        Self { names, inputs: wiring, order }
    }
}

/// Named nodes keep their names; an unnamed one is its type, then `<type>_1` and so on.
fn name_nodes(model: &ModelSpec, inputs: &[String], errors: &mut SpecErrors) -> Vec<String> {
    let mut taken: HashMap<String, Option<usize>> =
        inputs.iter().map(|input| (input.clone(), None)).collect();
    for (index, node) in model.nodes.iter().enumerate() {
        let Some(name) = &node.name else { continue };
        match taken.get(name.as_str()) {
            Some(other) => {
                let whose = match other {
                    Some(other) => format!("node {other} has it"),
                    None => "it is an input of the data".to_owned(),
                };
                let at = model.node_pointer(index).key("name");
                errors.push(&at, format!("the name \"{name}\" is taken: {whose}"));
            }
            None => _ = taken.insert(name.as_str().to_owned(), Some(index)),
        }
    }
    let mut counts: HashMap<&str, usize> = HashMap::new();
    model
        .nodes
        .iter()
        .enumerate()
        .map(|(index, node)| {
            if let Some(name) = &node.name {
                return name.as_str().to_owned();
            }
            let kind = node.component.kind.as_str();
            let count = counts.entry(kind).or_default();
            loop {
                let name = if *count == 0 { kind.to_owned() } else { format!("{kind}_{count}") };
                *count += 1;
                if !taken.contains_key(&name) {
                    taken.insert(name.clone(), Some(index));
                    return name;
                }
            }
        })
        .collect()
}

fn wire(
    model: &ModelSpec,
    inputs: &[String],
    names: &[String],
    errors: &mut SpecErrors,
) -> Vec<Option<Vec<Source>>> {
    if model.form == Form::Layers && inputs.len() > 1 {
        errors.push(
            &model.pointer.key("layers"),
            format!(
                "a sequence has one input, but the data have {}: write a graph in \"nodes\"",
                inputs.len()
            ),
        );
    }
    let mut sources: HashMap<&str, Source> = HashMap::new();
    // Of nodes that share a name, which is told already, the first is meant.
    sources.extend(names.iter().enumerate().rev().map(|(index, name)| (name.as_str(), Source::Node(index))));
    sources.extend(inputs.iter().enumerate().map(|(index, name)| (name.as_str(), Source::Input(index))));
    let mut find = |taken: &Taken| match taken {
        Taken::Data => Some(Source::Input(0)),
        Taken::Node(node) => Some(Source::Node(*node)),
        Taken::Named(name, at) => {
            let source = sources.get(name.as_str()).copied();
            if source.is_none() {
                let shown: String = name.chars().take(64).collect();
                let hint = did_you_mean(name, sources.keys().copied());
                errors.push(at, format!("\"{shown}\" is neither a node nor an input{hint}"));
            }
            source
        }
    };
    let wired = |node: &NodeSpec| {
        let wanted = node.inputs.as_ref().filter(|wanted| !wanted.is_empty())?;
        let found: Vec<Option<Source>> = wanted.iter().map(&mut find).collect();
        found.into_iter().collect()
    };
    let wiring = model.nodes.iter().map(wired).collect();
    for (index, node) in model.nodes.iter().enumerate() {
        if node.inputs.as_ref().is_none_or(Vec::is_empty) {
            let at = model.node_pointer(index).key("inputs");
            errors.push(&at, "is missing: a node of a graph names what it takes, such as [\"input\"]");
        }
    }
    wiring
}

/// Kahn's algorithm, the earliest in the body first, so that a body in order stays as it is.
fn sort(
    model: &ModelSpec,
    names: &[String],
    wiring: &[Option<Vec<Source>>],
    errors: &mut SpecErrors,
) -> Vec<usize> {
    let mut waits: Vec<usize> = vec![0; wiring.len()];
    let mut feeds: Vec<Vec<usize>> = vec![Vec::new(); wiring.len()];
    for (index, inputs) in wiring.iter().enumerate() {
        for source in inputs.iter().flatten() {
            if let Source::Node(from) = source {
                feeds[*from].push(index);
                waits[index] += 1;
            }
        }
    }
    let mut ready: std::collections::BTreeSet<usize> =
        (0..waits.len()).filter(|index| waits[*index] == 0).collect();
    let mut order = Vec::with_capacity(waits.len());
    while let Some(index) = ready.pop_first() {
        order.push(index);
        for next in &feeds[index] {
            waits[*next] -= 1;
            if waits[*next] == 0 {
                ready.insert(*next);
            }
        }
    }
    if order.len() < waits.len() {
        let circle: Vec<&str> = (0..waits.len())
            .filter(|index| waits[*index] > 0)
            .take(5)
            .map(|index| names[index].as_str())
            .collect();
        let at: Pointer = model.pointer.key("nodes");
        errors.push(&at, format!("nodes wait for each other in a circle: {}", circle.join(", ")));
    }
    order
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::spec::Field;

    fn read(body: &Value) -> (Graph, SpecErrors) {
        let mut errors = SpecErrors::new();
        let model = ModelSpec::read(body, &Pointer::root(), &mut errors).unwrap();
        let graph = Graph::read(&model, &["input".to_owned()], &mut errors);
        (graph, errors)
    }

    #[test]
    fn unnamed_nodes_are_numbered_by_type() {
        let (graph, errors) =
            read(&json!({"layers": ["dense", {"type": "relu", "name": "dense_1"}, "dense", "dense"]}));
        assert!(errors.is_empty());
        assert_eq!(graph.names, ["dense", "dense_1", "dense_2", "dense_3"]);
        assert_eq!(graph.inputs[2], Some(vec![Source::Node(1)]));
    }

    #[test]
    fn nodes_are_put_in_order() {
        let (graph, errors) = read(&json!({"nodes": [
            {"type": "add", "inputs": ["a", "b"]},
            {"name": "a", "type": "dense", "inputs": ["input"]},
            {"name": "b", "type": "dense", "inputs": ["a"]}]}));
        assert!(errors.is_empty());
        assert_eq!(graph.order, [1, 2, 0]);
    }

    #[test]
    fn mistakes_have_their_places() {
        let (_, errors) = read(&json!({"nodes": [
            {"name": "input", "type": "dense", "inputs": ["inptu"]},
            {"name": "b", "type": "dense"},
            {"name": "c", "type": "add", "inputs": ["d", "b"]},
            {"name": "d", "type": "dense", "inputs": ["c"]}]}));
        insta::assert_snapshot!(errors.to_string(), @r#"
        /nodes/0/name: the name "input" is taken: it is an input of the data
        /nodes/0/inputs/0: "inptu" is neither a node nor an input; did you mean "input"?
        /nodes/1/inputs: is missing: a node of a graph names what it takes, such as ["input"]
        /nodes: nodes wait for each other in a circle: c, d
        "#);
    }
}
