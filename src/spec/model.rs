//! A network in a body: a sequence of layers, or a graph of nodes.

use serde_json::{Map, Value, json};

use super::field::found;
use super::{Component, Field, NodeName, Pointer, SpecErrors};

/// A network. A sequence is the graph whose nodes follow one another.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSpec {
    pub form: Form,
    pub nodes: Vec<NodeSpec>,
    /// The nodes whose values are the network's outputs; those that feed no other where it is absent.
    pub outputs: Option<Outputs>,
    pub pointer: Pointer,
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
    /// In a graph, what it takes; in a sequence it takes what stands before it.
    pub inputs: Option<Vec<String>>,
}

/// The members of a node that are not the layer's own.
pub const NODE_MEMBERS: [&str; 2] = ["name", "inputs"];

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
        self.pointer.key(self.form.member()).index(index)
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
        let nodes = read_nodes(&members[form.member()], form, &at.key(form.member()), errors);
        let outputs = match members.get("outputs") {
            None | Some(Value::Null) => Some(None),
            Some(outputs) => Outputs::read(outputs, &at.key("outputs"), errors).map(Some),
        };
        Some(Self { form, nodes: nodes?, outputs: outputs?, pointer: at.clone() })
    }

    fn write(&self) -> Value {
        let mut members = Map::new();
        let nodes = self.nodes.iter().map(NodeSpec::write).collect();
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

fn read_nodes(value: &Value, form: Form, at: &Pointer, errors: &mut SpecErrors) -> Option<Vec<NodeSpec>> {
    const MOST: usize = 10_000;
    let Some(items) = value.as_array() else {
        errors.push(at, format!("must be a list, not {}", found(value)));
        return None;
    };
    if items.is_empty() || items.len() > MOST {
        errors.push(at, format!("must hold 1 to {MOST} nodes, not {}", items.len()));
        return None;
    }
    let read: Vec<Option<NodeSpec>> = items
        .iter()
        .enumerate()
        .map(|(index, item)| NodeSpec::read(item, form, &at.index(index), errors))
        .collect();
    read.into_iter().collect()
}

impl NodeSpec {
    fn read(value: &Value, form: Form, at: &Pointer, errors: &mut SpecErrors) -> Option<Self> {
        let component = Component::read(value, "type", at, errors)?;
        let name = match component.fields.get("name") {
            Some(name) => NodeName::read(name, &at.key("name"), errors).map(Some),
            None => Some(None),
        };
        let inputs = match (component.fields.get("inputs"), form) {
            (None | Some(Value::Null), _) => Some(None),
            (Some(_), Form::Layers) => {
                errors.push(
                    &at.key("inputs"),
                    "has no place in \"layers\", where each takes what stands before it",
                );
                None
            }
            (Some(Value::String(input)), Form::Nodes) => Some(Some(vec![input.clone()])),
            (Some(inputs), Form::Nodes) => Vec::read(inputs, &at.key("inputs"), errors).map(Some),
        };
        Some(Self { component, name: name?, inputs: inputs? })
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
                .filter(|(member, _)| *member != "type" && !NODE_MEMBERS.contains(&member.as_str()))
                .map(|(member, value)| (member.clone(), value.clone())),
        );
        if let Some(inputs) = &self.inputs {
            members.insert("inputs".into(), json!(inputs));
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
}
