//! A network in a body: a sequence of layers, or a graph of nodes.

use serde_json::{Map, Value, json};

use super::block::{BLOCK, BlockSpec, Expansion};
use super::field::found;
use super::{Component, Field, NodeName, NonNegative, Pointer, Record, SpecErrors};

/// A network. A sequence is the graph whose nodes follow one another.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    pub form: Form,
    /// Blocks are taken apart.
    pub nodes: Vec<NodeSpec>,
    /// The nodes whose values are the network's outputs; those that feed no other where it is absent.
    pub outputs: Option<Outputs>,
    pub pointer: Pointer,
    /// As the body writes it, where that has blocks.
    written: Option<Vec<Entry>>,
}

/// How the body writes the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Layers,
    Nodes,
}

impl Form {
    /// The member that holds the nodes.
    pub fn member(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Nodes => "nodes",
        }
    }
}

/// A layer at its place in the network; its own fields are unread.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeSpec {
    pub component: Component,
    pub name: Option<NodeName>,
    /// `None` where a node of a graph does not say it.
    pub inputs: Option<Vec<Taken>>,
    /// Of a node that a block makes and the body does not write: what to do where it does not fit.
    pub advice: Option<&'static str>,
}

/// What a node takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// What enters a sequence.
    Data,
    /// Another node, by its place among the nodes.
    Node(usize),
    /// What the body names, and where.
    Named(String, Pointer),
}

impl Taken {
    /// The names; what has none is known by its place in the body.
    pub(super) fn write(inputs: &[Self]) -> Value {
        let name = |taken: &Self| match taken {
            Self::Named(name, _) => Some(json!(name)),
            _ => None,
        };
        inputs.iter().filter_map(name).collect()
    }
}

/// The members of a node that are not the layer's own.
pub const NODE_MEMBERS: [&str; 4] = ["name", "inputs", "trainable", "learning_rate_factor"];

crate::record! {
    /// What every node may say beside its layer's own fields.
    #[derive(Copy)]
    pub struct NodeOptions {
        /// Whether training changes the node. One that is frozen keeps its parameters, running statistics among them, and
        /// normalises as in inference.
        pub trainable: bool = true,
        /// What the learning rate is multiplied by for the node's parameters.
        pub learning_rate_factor: NonNegative = NonNegative::literal(1.0),
    }
}

impl Default for NodeOptions {
    fn default() -> Self {
        Self { trainable: true, learning_rate_factor: NonNegative::literal(1.0) }
    }
}

impl NodeOptions {
    /// Those among the members of a node.
    pub fn of(members: &Map<String, Value>, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        Self::read_fields(&Self::said(members), at, "a node", &[], errors)
    }

    /// The members of a node that are such.
    pub(super) fn said(members: &Map<String, Value>) -> Map<String, Value> {
        let own = members.iter().filter(|(member, _)| Self::FIELD_NAMES.contains(&member.as_str()));
        own.map(|(member, value)| (member.clone(), value.clone())).collect()
    }
}

/// A layer or a block in a body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Entry {
    Layer(NodeSpec),
    Block(BlockSpec),
}

/// Output nodes: listed, or by target.
#[derive(Clone, Debug, PartialEq)]
pub enum Outputs {
    Nodes(Vec<String>),
    /// Target to node, in the order of the body.
    ByTarget(Vec<(String, String)>),
}

impl ModelSpec {
    /// Where node `index` stands.
    pub fn node_pointer(&self, index: usize) -> Pointer {
        self.nodes[index].component.pointer.clone()
    }

    /// Where a field of node `index` stands; of a node that the body does not write, what asks for it.
    pub fn field_pointer(&self, index: usize, field: Option<&str>) -> Pointer {
        let node = &self.nodes[index];
        match field {
            Some(field) if node.advice.is_none() => node.component.pointer.key(field),
            _ => node.component.pointer.clone(),
        }
    }
}

impl Field for ModelSpec {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let Some(members) = value.as_object() else {
            errors.push(at, format!("must be an object with \"layers\" or \"nodes\", not {}", found(value)));
            return None;
        };
        super::record::refuse_unknown(members, &["layers", "nodes", "outputs"], &[], at, "model", errors);
        let form = match (members.contains_key("layers"), members.contains_key("nodes")) {
            (true, false) => Form::Layers,
            (false, true) => Form::Nodes,
            _ => {
                errors.push(at, "must have either \"layers\", a sequence, or \"nodes\", a graph");
                return None;
            }
        };
        let entries = read_entries(&members[form.member()], form, &at.key(form.member()), errors);
        let expansion = entries.as_ref().and_then(|entries| Expansion::of(entries, form, errors));
        let outputs = match members.get("outputs") {
            None | Some(Value::Null) => Some(None),
            Some(outputs) => Outputs::read(outputs, &at.key("outputs"), errors).map(Some),
        };
        let (expansion, entries) = (expansion?, entries?);
        let written = entries.iter().any(|entry| matches!(entry, Entry::Block(_))).then_some(entries);
        let mut model =
            Self { form, nodes: expansion.nodes, outputs: outputs?, pointer: at.clone(), written };
        model.name_blocks(&expansion.last);
        Some(model)
    }

    fn write(&self) -> Value {
        let mut members = Map::new();
        let nodes = match &self.written {
            Some(entries) => entries.iter().map(Entry::write).collect(),
            None => self.nodes.iter().map(NodeSpec::write).collect(),
        };
        members.insert(self.form.member().into(), Value::Array(nodes));
        if let Some(outputs) = &self.outputs {
            members.insert("outputs".into(), outputs.write());
        }
        Value::Object(members)
    }

    /// The layers' own schemas stand where the layers are known.
    fn schema() -> Value {
        json!({"$ref": "#/components/schemas/Network"})
    }
}

/// The most nodes of a network.
pub(super) const MOST_NODES: usize = 10_000;

pub(super) const NO_INPUTS: &str = "is missing: a node of a graph names what it takes, such as [\"input\"]";

pub(super) fn read_entries(
    value: &Value,
    form: Form,
    at: &Pointer,
    errors: &mut SpecErrors,
) -> Option<Vec<Entry>> {
    let Some(items) = value.as_array() else {
        errors.push(at, format!("must be a list, not {}", found(value)));
        return None;
    };
    if items.is_empty() || items.len() > MOST_NODES {
        errors.push(at, format!("must hold 1 to {MOST_NODES} nodes, not {}", items.len()));
        return None;
    }
    let read: Vec<Option<Entry>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| Entry::read(item, form, &at.index(index), errors))
        .collect();
    read.into_iter().collect()
}

impl ModelSpec {
    /// Lets those who name a block have its last node. A node of that name goes first.
    fn name_blocks(&mut self, last: &[(String, usize)]) {
        let named = |name: &str| {
            self.nodes.iter().any(|node| node.name.as_ref().is_some_and(|own| own.as_str() == name))
        };
        let last: Vec<&(String, usize)> = last.iter().filter(|(name, _)| !named(name)).collect();
        let find = |name: &str| last.iter().find(|(block, _)| block == name).map(|(_, node)| *node);
        let names: Vec<Option<NodeName>> = self.nodes.iter().map(|node| node.name.clone()).collect();
        for taken in self.nodes.iter_mut().flat_map(|node| node.inputs.iter_mut().flatten()) {
            if let Taken::Named(name, _) = taken
                && let Some(node) = find(name)
            {
                *taken = Taken::Node(node);
            }
        }
        let output = |name: &mut String| {
            if let Some(node) = find(name).and_then(|node| names[node].as_ref()) {
                node.as_str().clone_into(name);
            }
        };
        match &mut self.outputs {
            Some(Outputs::Nodes(nodes)) => nodes.iter_mut().for_each(output),
            Some(Outputs::ByTarget(pairs)) => pairs.iter_mut().map(|(_, node)| node).for_each(output),
            None => {}
        }
    }
}

impl Entry {
    fn read(value: &Value, form: Form, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let component = Component::read(value, "type", at, errors)?;
        let name = match component.fields.get("name") {
            Some(name) => NodeName::read(name, &at.key("name"), errors).map(Some),
            None => Some(None),
        };
        let inputs = match component.fields.get("inputs") {
            None | Some(Value::Null) => Some(None),
            Some(inputs) => read_inputs(inputs, form, &at.key("inputs"), errors).map(Some),
        };
        if component.kind == BLOCK {
            return BlockSpec::read(component, name?, inputs?, form, errors).map(Self::Block);
        }
        Some(Self::Layer(NodeSpec { component, name: name?, inputs: inputs?, advice: None }))
    }

    pub(super) fn inputs(&self) -> Option<&Vec<Taken>> {
        match self {
            Self::Layer(layer) => layer.inputs.as_ref(),
            Self::Block(block) => block.inputs.as_ref(),
        }
    }

    pub(super) fn write(&self) -> Value {
        match self {
            Self::Layer(layer) => layer.write(),
            Self::Block(block) => block.write(),
        }
    }
}

/// What a node names as its inputs.
fn read_inputs(inputs: &Value, form: Form, at: &Pointer, errors: &mut SpecErrors) -> Option<Vec<Taken>> {
    let names = match (inputs, form) {
        (_, Form::Layers) => {
            errors.push(at, "has no place in \"layers\", where each takes what stands before it");
            return None;
        }
        (Value::String(input), Form::Nodes) => vec![input.clone()],
        (inputs, Form::Nodes) => Vec::read(inputs, at, errors)?,
    };
    let named = names.into_iter().enumerate();
    Some(named.map(|(place, name)| Taken::Named(name, at.index(place))).collect())
}

impl NodeSpec {
    /// A layer without a name or a place.
    pub(super) fn of(component: Component) -> Self {
        Self { component, name: None, inputs: None, advice: None }
    }

    fn write(&self) -> Value {
        let mut members = Map::new();
        if let Some(name) = &self.name {
            members.insert("name".into(), json!(name.as_str()));
        }
        members.insert("type".into(), json!(self.component.kind));
        members.extend(
            self.component
                .fields
                .iter()
                .filter(|(member, _)| !["type", "name", "inputs"].contains(&member.as_str()))
                .map(|(member, value)| (member.clone(), value.clone())),
        );
        if let Some(inputs) =
            self.inputs.as_ref().filter(|inputs| matches!(inputs[..], [Taken::Named(..), ..]))
        {
            members.insert("inputs".into(), Taken::write(inputs));
        }
        Value::Object(members)
    }
}

impl Field for Outputs {
    fn read(value: &Value, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        match value {
            Value::String(node) => Some(Self::Nodes(vec![node.clone()])),
            Value::Array(_) => Vec::read(value, at, errors).map(Self::Nodes),
            Value::Object(members) => {
                let read: Vec<Option<(String, String)>> = members
                    .iter()
                    .map(|(target, node)| {
                        Some((target.clone(), String::read(node, &at.key(target), errors)?))
                    })
                    .collect();
                read.into_iter().collect::<Option<_>>().map(Self::ByTarget)
            }
            other => {
                errors.push(
                    at,
                    format!("must be a list of nodes or an object from target to node, not {}", found(other)),
                );
                None
            }
        }
    }

    fn write(&self) -> Value {
        match self {
            Self::Nodes(nodes) => json!(nodes),
            Self::ByTarget(nodes) => {
                nodes.iter().map(|(target, node)| (target.clone(), json!(node))).collect::<Map<_, _>>().into()
            }
        }
    }

    fn schema() -> Value {
        json!({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1},
            {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}]})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_read_and_written() {
        let body = json!({
            "nodes": [{"name": "a", "type": "dense", "units": 8, "inputs": ["input"]}, {"type": "relu", "inputs": ["a"]}],
            "outputs": {"species": "relu"}
        });
        let mut errors = SpecErrors::new();
        let read = ModelSpec::read(&body, &Pointer::root(), &mut errors).unwrap();
        assert_eq!(read.write(), body);
        assert_eq!(read.node_pointer(1).as_str(), "/nodes/1");
    }

    #[test]
    fn mistakes_have_their_places() {
        for (body, place) in [
            (json!({}), ""),
            (json!({"layers": []}), "/layers"),
            (json!({"layers": [{"units": 3}]}), "/layers/0/type"),
            (json!({"layers": [3]}), "/layers/0"),
            (json!({"layers": [{"type": "dense", "inputs": ["input"]}]}), "/layers/0/inputs"),
            (json!({"nodes": [{"type": "dense", "name": "a b"}]}), "/nodes/0/name"),
            (json!({"nodes": ["relu"], "outputs": [3]}), "/outputs/0"),
        ] {
            let mut errors = SpecErrors::new();
            assert!(ModelSpec::read(&body, &Pointer::root(), &mut errors).is_none());
            assert_eq!(errors.iter().next().unwrap().pointer.as_str(), place, "{body}");
        }
    }

    fn names(model: &ModelSpec) -> Vec<&str> {
        model.nodes.iter().map(|node| node.name.as_ref().map_or("", NodeName::as_str)).collect()
    }

    #[test]
    fn a_block_stands_as_often_as_it_says() {
        let body = json!({"layers": [
            "flatten",
            {"type": "block", "name": "stage", "repeat": 2, "residual": true, "activation": "relu", "trainable": false,
             "layers": [{"type": "dense", "units": 4, "trainable": true}, "dense",
                        {"type": "block", "layers": [{"type": "dropout", "rate": 0.5, "name": "drop"}]}]},
            {"type": "block", "layers": ["tanh"], "residual": true, "shortcut": ["linear"]},
            {"type": "block", "layers": ["tanh"], "residual": true}]});
        let mut errors = SpecErrors::new();
        let model =
            ModelSpec::read(&body, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{errors}"));
        assert_eq!(
            names(&model),
            [
                "",
                "stage_1_dense",
                "stage_1_dense_1",
                "stage_1_block_drop",
                "stage_1_add",
                "stage_1_relu",
                "stage_2_dense",
                "stage_2_dense_1",
                "stage_2_block_drop",
                "stage_2_add",
                "stage_2_relu",
                "block_tanh",
                "block_shortcut_linear",
                "block_add",
                "block_1_tanh",
                "block_1_add",
            ]
        );
        let taken = |index: usize| model.nodes[index].inputs.clone().unwrap();
        assert_eq!(taken(0), [Taken::Data]);
        assert_eq!(taken(4), [Taken::Node(0), Taken::Node(3)]);
        assert_eq!(taken(6), [Taken::Node(5)]);
        assert_eq!(taken(13), [Taken::Node(12), Taken::Node(11)]);
        assert_eq!(taken(15), [Taken::Node(13), Taken::Node(14)]);
        assert_eq!(model.nodes[15].component.fields["projection"], true);
        assert_eq!(model.node_pointer(8).as_str(), "/layers/1/layers/2/layers/0");
        assert_eq!(model.field_pointer(9, Some("inputs")).as_str(), "/layers/1/residual");
        assert_eq!(model.nodes[1].component.fields["trainable"], true);
        assert_eq!(model.nodes[2].component.fields["trainable"], false);
        let again = ModelSpec::read(&model.write(), &Pointer::root(), &mut errors).unwrap();
        assert_eq!(names(&again), names(&model));
    }

    #[test]
    fn the_name_of_a_block_is_its_last_node() {
        let body = json!({"nodes": [
            {"type": "block", "name": "b", "repeat": 2, "inputs": "input", "layers": ["relu", "tanh"]},
            {"type": "add", "inputs": ["b", "input"]}], "outputs": ["b", "add"]});
        let mut errors = SpecErrors::new();
        let model =
            ModelSpec::read(&body, &Pointer::root(), &mut errors).unwrap_or_else(|| panic!("{errors}"));
        let Some([Taken::Node(3), Taken::Named(name, at)]) = model.nodes[4].inputs.as_deref() else {
            panic!("{:?}", model.nodes[4].inputs)
        };
        assert_eq!((name.as_str(), at.as_str()), ("input", "/nodes/1/inputs/1"));
        assert_eq!(model.outputs, Some(Outputs::Nodes(vec!["b_2_tanh".into(), "add".into()])));
    }

    #[test]
    fn blocks_are_held_within_bounds_and_their_mistakes_have_their_places() {
        let nest = |depth: usize| {
            (0..depth)
                .fold(json!("relu"), |inner, _| json!({"type": "block", "repeat": 1000, "layers": [inner]}))
        };
        let long = "n".repeat(150);
        for (body, place) in [
            (json!({"layers": [nest(4)]}), "/layers/0/layers/0/layers/0/layers/0/layers/0"),
            (json!({"layers": [{"type": "block", "layers": []}]}), "/layers/0/layers"),
            (json!({"layers": [{"type": "block"}]}), "/layers/0/layers"),
            (json!({"layers": [{"type": "block", "layers": ["relu"], "repeat": 0}]}), "/layers/0/repeat"),
            (json!({"layers": [{"type": "block", "layers": ["relu"], "repeats": 2}]}), "/layers/0/repeats"),
            (
                json!({"layers": [{"type": "block", "layers": ["relu"], "shortcut": "none"}]}),
                "/layers/0/shortcut",
            ),
            (
                json!({"layers": [{"type": "block", "layers": [{"type": "relu", "inputs": "x"}]}]}),
                "/layers/0/layers/0/inputs",
            ),
            (json!({"nodes": [{"type": "block", "layers": ["relu"]}]}), "/nodes/0/inputs"),
            (
                json!({"nodes": [{"type": "block", "layers": ["add"], "inputs": ["a", "b"], "residual": true}]}),
                "/nodes/0/inputs",
            ),
            (
                json!({"layers": [{"type": "block", "name": long, "layers": [{"type": "relu", "name": long}]}]}),
                "/layers/0/layers/0/name",
            ),
            (json!({"layers": [{"type": "block", "layers": ["ä"]}]}), "/layers/0/layers/0/type"),
            (json!({"layers": [{"type": "relu", "trainable": 1}]}), "/layers/0/trainable"),
        ] {
            let mut errors = SpecErrors::new();
            let read = ModelSpec::read(&body, &Pointer::root(), &mut errors);
            for node in read.iter().flat_map(|model| &model.nodes) {
                _ = NodeOptions::of(&node.component.fields, &node.component.pointer, &mut errors);
            }
            assert_eq!(errors.iter().next().map(|error| error.pointer.as_str()), Some(place), "{body}");
        }
        let numbers =
            json!({"type": "dense", "kernel_initializer": {"type": "constant", "value": vec![1; 20_000]}});
        let body = json!({"layers": [{"type": "block", "repeat": 1000, "layers": [numbers]}]});
        let mut errors = SpecErrors::new();
        assert!(ModelSpec::read(&body, &Pointer::root(), &mut errors).is_none());
        assert!(errors.to_string().contains("values"), "{errors}");
    }
}
